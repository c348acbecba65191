//! Queue consumers, stream readers and timers.
