//! One thread, one call after another.
