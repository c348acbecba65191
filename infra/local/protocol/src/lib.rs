//! The wire form that the embedded AWS services share: JSON operations, callers and errors.
