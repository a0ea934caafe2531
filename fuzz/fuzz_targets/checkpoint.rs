//! Files of all formats: whatever the bytes, they open or are refused without a panic, and soon.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = lumawire_models::checkpoint::open_bytes(bytes);
});
