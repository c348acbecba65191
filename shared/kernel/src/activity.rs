//! What an activity type declares about itself.
