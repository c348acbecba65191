//! The toss command.
