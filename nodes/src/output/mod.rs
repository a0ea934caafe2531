//! Where pictures leave.
