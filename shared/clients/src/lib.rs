//! Client types, API keys, authorisation policy and rate limits.
