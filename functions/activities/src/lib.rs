//! Activities that touch only the platform.
