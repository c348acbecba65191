//! Ids, tenant scope, errors, clock and durations: the vocabulary of the house, without I/O.
