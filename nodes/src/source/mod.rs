//! Where sound enters.
