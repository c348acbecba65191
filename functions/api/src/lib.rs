//! One handler per API endpoint.
