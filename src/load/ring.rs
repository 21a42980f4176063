//! One thread and `io_uring`.
