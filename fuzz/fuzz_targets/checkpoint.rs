//! Files of all formats: whatever the bytes, they open and are built, or are refused, without a panic,
//! and soon.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = lumawire_models::checkpoint::open_bytes(bytes) {
        let _ = lumawire_models::checkpoint::check(&checkpoint);
    }
    let _ = lumawire_models::super_resolution::Network::from_bytes(bytes);
});
