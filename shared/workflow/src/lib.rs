//! The definition language, the activity catalogue, the compiler to the Amazon States Language, and the templates.
