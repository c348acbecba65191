//! The Amazon States Language: parse, validate, interpret. No I/O.
