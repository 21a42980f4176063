//! A thread for each operation in flight.
