//! The pickle machine: whatever the bytes, it ends without a panic, and soon.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = lumawire_models::checkpoint::read_pickle(bytes);
});
