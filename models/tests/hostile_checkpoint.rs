//! Damaged and hostile files: each leads to one clear sentence, without a panic, in bounded memory.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::path::PathBuf;

use lumawire_models::ModelError;
use lumawire_models::checkpoint::open_bytes;
use lumawire_models::random::RandomState;

fn reference(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/stylegan2");
    std::fs::read(folder.join(name)).unwrap()
}

const FILES: [&str; 3] = ["sg2ada_b.pkl", "rosinality_64.pt", "rosinality_64.legacy.pt"];

fn error_of(bytes: &[u8]) -> ModelError {
    let error = open_bytes(bytes).map(|_| ()).unwrap_err();
    assert_memory_is_bounded();
    error
}

/// No test of this program may ever take much more than its files have.
fn assert_memory_is_bounded() {
    const MAX_KIB: u64 = 700 << 10;
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < MAX_KIB, "{peak_kib} KiB");
}

/// Codes of a pickle, written one after the other.
#[derive(Clone)]
struct Codes(Vec<u8>);

impl Codes {
    fn new() -> Self {
        Self(vec![0x80, 2])
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        let len = (text.len() as u32).to_le_bytes();
        self.raw(b"X").raw(&len).raw(text.as_bytes())
    }

    fn int(self, value: i32) -> Self {
        self.raw(b"J").raw(&value.to_le_bytes())
    }

    /// LONG1: a number beyond 32 bits.
    fn long(self, value: i64) -> Self {
        self.raw(&[0x8a, 8]).raw(&value.to_le_bytes())
    }

    fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// A tuple of at most 255 whole numbers.
    fn ints(self, values: &[i32]) -> Self {
        values.iter().fold(self.raw(b"("), |codes, value| codes.int(*value)).raw(b"t")
    }

    /// A tensor over the storage `0` of `num_values` f32.
    fn tensor(self, num_values: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Self {
        let view = Self(Vec::new()).int(offset).ints(shape).ints(strides);
        self.tensor_by(num_values, view)
    }

    /// As [`tensor`](Self::tensor), with numbers of 64 bits.
    fn long_tensor(self, num_values: i32, offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        let longs = |codes: Self, values: &[i64]| {
            values.iter().fold(codes.raw(b"("), |codes, value| codes.long(*value)).raw(b"t")
        };
        let view = longs(longs(Self(Vec::new()).long(offset), shape), strides);
        self.tensor_by(num_values, view)
    }

    /// A tensor whose offset, shape and strides `view` pushes.
    fn tensor_by(self, num_values: i32, view: Self) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"((")
            .text("storage")
            .global("torch", "FloatStorage")
            .text("0")
            .text("cpu")
            .int(num_values)
            .raw(b"NtQ")
            .raw(&view.0)
            .raw(b"\x89NtR")
    }

    /// Opens a module whose state is the dictionary that follows; `end_module` closes both.
    fn module(self) -> Self {
        self.global("torch_utils.persistence", "_reconstruct_persistent_obj")
            .raw(b"}")
            .text("state")
            .raw(b"}")
    }

    fn end_module(self) -> Self {
        self.raw(b"s\x85R")
    }

    fn stop(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A file of `torch.save` before version 1.6 with one storage.
fn legacy(contents: Vec<u8>, values: &[f32]) -> Vec<u8> {
    let mut bytes = Codes::new().raw(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19").stop();
    bytes.extend(Codes::new().int(1001).stop());
    bytes.extend(Codes::new().raw(b"}").text("little_endian").raw(b"\x88s").stop());
    bytes.extend(contents);
    bytes.extend(Codes::new().raw(b"](").text("0").raw(b"e").stop());
    bytes.extend((values.len() as u64).to_le_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// `{name: tensor}`, as a legacy file of torch with six values.
fn one_tensor(name: &str, num: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let contents = Codes::new().raw(b"}").text(name).tensor(num, offset, shape, strides).raw(b"s");
    legacy(contents.stop(), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
}

/// A file of safetensors with 16 bytes of values.
fn safetensors(header: &str) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 16]);
    bytes
}

#[test]
fn what_would_run_is_refused_and_named() {
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("__builtin__", "eval"),
        ("subprocess", "Popen"),
        ("subprocess", "check_output"),
        ("runpy", "_run_code"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch._utils", "_import_dotted_name"),
        ("numpy", "load"),
        ("functools", "partial"),
        ("torch", "EvilStorage"),
    ] {
        let full = format!("{module}.{name}");
        let by_lines = Codes::new().global(module, name).text("echo").raw(b"\x85R").stop();
        let by_stack = Codes::new().text(module).text(name).raw(b"\x93").text("echo").raw(b"\x85R");
        // In the settings beside the network, which nothing needs.
        let beside = Codes::new().raw(b"}").text("training_set_kwargs").global(module, name);
        let beside = beside.raw(b")Rs").text("G_ema").raw(b"Ns").stop();
        for bytes in
            [by_lines.clone(), by_stack.stop(), beside, legacy(by_lines.clone(), &[0.0; 6])]
        {
            let error = error_of(&bytes);
            assert!(
                matches!(&error, ModelError::ForeignGlobal(found) if *found == full),
                "{error}"
            );
            assert!(error.to_string().contains("Nothing was run"));
        }
    }
}

#[test]
fn other_networks_are_named_with_what_to_do() {
    let tf = Codes::new().global("dnnlib.tflib.network", "Network").raw(b")\x81").stop();
    let says = |bytes: &[u8], words: &[&str]| {
        let error = error_of(bytes);
        assert!(matches!(error, ModelError::Unsupported { .. }), "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    };
    says(&tf, &["TensorFlow", "legacy.py"]);
    says(&one_tensor("synthesis.input.freqs", 6, 0, &[6], &[1]), &["StyleGAN3"]);
    says(&one_tensor("layer.weight", 6, 0, &[6], &[1]), &["no StyleGAN2 network", "layer.weight"]);
    for (class, what) in [("SuperresGenerator", "StyleGAN-XL"), ("TriPlaneGenerator", "EG3D")] {
        let module = Codes::new()
            .raw(b"}")
            .text("G_ema")
            .global("torch_utils.persistence", "_reconstruct_persistent_obj")
            .raw(b"}")
            .text("class_name")
            .text(class)
            .raw(b"s")
            .text("state")
            .raw(b"}s\x85Rs");
        says(&module.stop(), &[what]);
    }
    says(b"<!DOCTYPE html><html>", &["web page"]);
    says(b"version https://git-lfs.github.com/spec/v1", &["Git LFS"]);
    says(b"", &["empty"]);
    says(b"hello, world", &["no checkpoint"]);
    says(&Codes::new().raw(b"}").text("D").raw(b"}s").stop(), &["without a generator", "D"]);
    says(&Codes::new().int(3).stop(), &["without a network"]);
    says(&[0x80, 5, 0x80, 9], &["protocol 9"]);
}

#[test]
fn cut_files_are_errors() {
    for name in FILES {
        let bytes = reference(name);
        let lens = (0..4096).chain((4096..bytes.len()).step_by(1024));
        for len in lens.chain([bytes.len() - 1]) {
            assert!(open_bytes(&bytes[..len]).is_err(), "{name} cut to {len}");
        }
    }
    assert_memory_is_bounded();
}

#[test]
fn spoilt_bytes_never_panic() {
    let mut random = RandomState::new(1);
    let mut below = |end: usize| (random.uniform() * end as f64) as usize;
    let mut num_refused = 0;
    for name in FILES {
        let bytes = reference(name);
        for _ in 0..1500 {
            let mut spoilt = bytes.clone();
            for _ in 0..1 + below(3) {
                // Most where the structure is: at both ends.
                let at = match below(4) {
                    0 => below(bytes.len()),
                    1 => bytes.len() - 1 - below(8192),
                    _ => below(16_384),
                };
                spoilt[at] = below(256) as u8;
            }
            num_refused += usize::from(open_bytes(&spoilt).is_err());
        }
    }
    assert!(num_refused > 500, "{num_refused}");
    assert_memory_is_bounded();
}

#[test]
fn nests_and_cycles_are_as_cheap_as_anything_else() {
    const DEPTH: usize = 1_000_000;
    for (open, close) in [(&b"]"[..], &b"a"[..]), (b"(", b"t"), (b"(", b"l"), (b"2", b"\x85")] {
        let start = Codes::new().raw(b"N");
        let bytes = start.raw(&open.repeat(DEPTH)).raw(&close.repeat(DEPTH - 1)).stop();
        error_of(&bytes);
    }
    error_of(&Codes::new().raw(b"N").raw(&b"\x85".repeat(2 * DEPTH)).stop());
    // Lists and dictionaries that hold themselves, in each other's places.
    error_of(&Codes::new().raw(b"]q\x00h\x00a").stop());
    error_of(&Codes::new().raw(b"}q\x00").text("G_ema").raw(b"h\x00s").stop());
    let own_module = Codes::new()
        .raw(b"}q\x00")
        .text("G_ema")
        .global("torch_utils.persistence", "_reconstruct_persistent_obj")
        .raw(b"}q\x01")
        .raw(b"\x85Rq\x02s");
    // The module's state holds the module itself.
    let own_module = own_module.raw(b"h\x01").text("state").raw(b"}").text("_modules").raw(b"}");
    let own_module = own_module.text("m").raw(b"h\x02sss0").stop();
    assert!(matches!(error_of(&own_module), ModelError::TooLarge(_)));
}

/// Each module holds the one below a hundred times: 10²⁰ paths, with a tensor and a trait at the end
/// of each.
#[test]
fn shared_parts_are_not_visited_over_and_over() {
    let module = |codes: Codes, depth: u8| {
        let mut codes = codes.module().text("use_noise").raw(b"\x89s");
        if depth == 0 {
            codes = codes.text("_buffers").raw(b"}").text("t").tensor(6, 0, &[6], &[1]).raw(b"ss");
        }
        codes = codes.text("_modules").raw(b"}");
        for i in 0..if depth == 0 { 0 } else { 100 } {
            codes = codes.text(&i.to_string()).raw(&[b'h', depth - 1]).raw(b"s");
        }
        codes.raw(b"s").end_module().raw(&[b'q', depth])
    };
    let codes = (0..10).fold(Codes::new(), module);
    let bytes = legacy(codes.raw(b"}").text("G_ema").raw(b"h\x09s").stop(), &[0.0; 6]);
    assert!(matches!(error_of(&bytes), ModelError::TooLarge(_)));
}

/// A network of 1024² with one channel, and one silent module under many names.
fn silent_modules(names: impl Iterator<Item = String>) -> Vec<u8> {
    let mut codes = Codes::new().module().text("use_noise").raw(b"\x89s").end_module();
    codes = codes.raw(b"q\x000}").text("G_ema").module().text("_parameters").raw(b"}");
    let mut weights = vec!["synthesis.b4.const".to_owned(), "synthesis.b1024.torgb.weight".into()];
    weights.extend(["mapping.fc0.weight".to_owned(), "mapping.w_avg".into()]);
    weights.extend((2..=10).map(|n| format!("synthesis.b{}.conv1.weight", 1 << n)));
    for weight in weights {
        codes = codes.text(&weight).tensor(6, 0, &[1, 1], &[1, 1]).raw(b"s");
    }
    codes = codes.raw(b"s").text("_modules").raw(b"}");
    for name in names {
        codes = codes.text(&name).raw(b"h\x00s");
    }
    legacy(codes.raw(b"s").end_module().raw(b"s").stop(), &[0.0; 6])
}

/// Only convolutions that the network has get a noise picture, each of them one.
#[test]
fn silent_modules_take_no_memory() {
    let names = (0..300).map(|i| format!("synthesis.b1024.x{}", i % 299));
    let names = names.chain(["synthesis.b8.conv0".to_owned(), "synthesis.b4.conv0".to_owned()]);
    let checkpoint = open_bytes(&silent_modules(names)).unwrap();
    assert_memory_is_bounded();
    let made: Vec<_> = checkpoint.tensors.keys().filter(|name| name.contains("noise")).collect();
    assert_eq!(made, ["synthesis.b8.conv0.noise_const", "synthesis.b8.conv0.noise_strength"]);
    let many = silent_modules((0..20_000).map(|i| format!("x{i}")));
    assert!(matches!(error_of(&many), ModelError::TooLarge(_)));
}

/// Long names, which nested modules would repeat, neither fill memory nor the screen.
#[test]
fn long_names_are_refused_or_cut() {
    let long = "x".repeat(1 << 20);
    let in_dict = Codes::new().raw(b"}").text("synthesis.b4.const").tensor(6, 0, &[6], &[1]);
    let in_dict = in_dict.raw(b"s").text(&long).tensor(6, 0, &[6], &[1]).raw(b"s").stop();
    assert!(matches!(error_of(&legacy(in_dict, &[0.0; 6])), ModelError::TooLarge(_)));
    // Modules of long names, one in the other.
    let mut nested = Codes::new().raw(b"}").text("G_ema");
    for _ in 0..8 {
        nested = nested.module().text("_modules").raw(b"}").text(&long[..200]);
    }
    nested = nested.module().end_module();
    for _ in 0..8 {
        nested = nested.raw(b"ss").end_module();
    }
    assert!(matches!(error_of(&nested.raw(b"s").stop()), ModelError::TooLarge(_)));
    let keys = Codes::new().raw(b"}").text(&long).raw(b"Ns").stop();
    let header = format!(r#"{{"{long}":{{"dtype":"F32","shape":[],"data_offsets":[0,4]}}}}"#);
    for bytes in [keys, safetensors(&header)] {
        let message = error_of(&bytes).to_string();
        assert!(message.contains("xxx") && message.len() < 1000, "{} bytes", message.len());
    }
}

/// No text of a file reaches a terminal with what would steer it.
#[test]
fn messages_hold_no_control_characters() {
    let evil = "a\x1b[2Jb\nc\u{9b}d\u{202e}e";
    let header = |entry: &str| {
        let name = evil.replace('\x1b', "\\u001b").replace('\n', "\\n");
        safetensors(&entry.replace("NAME", &name))
    };
    let bad_config = |config: serde_json::Value| {
        let tensor = serde_json::json!({"dtype": "F32", "shape": [], "data_offsets": [0, 4]});
        let metadata = serde_json::json!({ "config": config.to_string() });
        safetensors(
            &serde_json::json!({"__metadata__": metadata, "synthesis.b4.const": tensor})
                .to_string(),
        )
    };
    let path = |attribute: &str, class: &str, value: &[u8]| {
        let module = Codes::new().raw(b"}").text("G_ema").module().text("_modules").raw(b"}");
        let module = module.text(&format!("mapping.fc{evil}"));
        let layer = module.global("torch_utils.persistence", "_reconstruct_persistent_obj");
        let layer = layer.raw(b"}").text("class_name").text(class).raw(b"s").text("state");
        let layer = layer.raw(b"}").text(attribute).raw(value).raw(b"s").end_module();
        layer.raw(b"ss").end_module().raw(b"s").stop()
    };
    let storage = Codes::new().raw(b"}").text(evil).tensor(6, 0, &[7], &[1]).raw(b"s");
    for (what, bytes) in [
        ("global", Codes::new().text(evil).text("x").raw(b"\x93").stop()),
        ("storage", Codes::new().text("torch").text(&format!("{evil}Storage")).raw(b"\x93").stop()),
        ("key", Codes::new().raw(b"}").text(evil).raw(b"Ns").stop()),
        ("tensor", one_tensor(evil, 6, 0, &[6], &[1])),
        ("view", legacy(storage.stop(), &[0.0; 6])),
        ("activation", path("activation", "FullyConnectedLayer", b"X\x04\0\0\0tanh")),
        ("clamp", path("conv_clamp", "ToRGBLayer", b"X\x01\0\0\0x")),
        (
            "filter",
            header(
                r#"{"synthesis.b4.const":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
                "synthesis.NAME":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}"#,
            ),
        ),
        ("end", header(r#"{"NAME":{"dtype":"F32","shape":[4],"data_offsets":[8,99]}}"#)),
        ("dtype", header(r#"{"x":{"dtype":"NAME","shape":[4],"data_offsets":[0,16]}}"#)),
        (
            "config",
            bad_config(serde_json::json!({
                "z_dim": 1, "w_dim": 1, "img_resolution": 8, "img_channels": 3,
                "synthesis_kwargs": { "activation": evil },
            })),
        ),
        ("config type", bad_config(serde_json::json!({ "z_dim": evil }))),
    ] {
        let message = error_of(&bytes).to_string();
        let steers = |c: char| c.is_control() || c == '\u{202e}';
        assert!(!message.contains(steers), "{what}: {message:?}");
    }
}

#[test]
fn tensors_stay_within_their_storage() {
    let name = "synthesis.b4.const";
    // The first is sound: the rest of the network is what it lacks.
    for (shape, strides) in
        [(&[2, 3][..], &[3, 1][..]), (&[2, 3], &[1, 2]), (&[3], &[2]), (&[], &[])]
    {
        let error = error_of(&one_tensor(name, 6, 0, shape, strides));
        assert!(matches!(error, ModelError::Missing(_)), "{shape:?}: {error}");
    }
    for (num, offset, shape, strides) in [
        (6, 1, &[2, 3][..], &[3, 1][..]),
        (6, -1, &[2, 3], &[3, 1]),
        (6, 0, &[2, -3], &[3, 1]),
        (6, 0, &[2, 3], &[-3, 1]),
        (6, 0, &[2, 3], &[2, 1]),
        (6, 0, &[2, 3], &[0, 1]),
        (6, 0, &[7], &[1]),
        (6, 0, &[2], &[6]),
        (6, 0, &[6], &[1, 1]),
        (6, 6, &[], &[]),
        (6, 0, &[i32::MAX; 4], &[i32::MAX; 4]),
        (6, 0, &[i32::MAX; 4], &[0; 4]),
        (6, 0, &[1; 9], &[1; 9]),
    ] {
        let error = error_of(&one_tensor(name, num, offset, shape, strides));
        assert!(matches!(error, ModelError::Damaged(_)), "{shape:?} {strides:?}: {error}");
    }
}

#[test]
fn sizes_beyond_32_bits_do_not_overflow() {
    let error_with = |offset, shape: &[i64], strides: &[i64]| {
        let contents = Codes::new().raw(b"}").text("synthesis.b4.const");
        let contents = contents.long_tensor(6, offset, shape, strides).raw(b"s").stop();
        error_of(&legacy(contents, &[0.0; 6]))
    };
    const HUGE: i64 = 1 << 32;
    for (offset, shape, strides) in [
        (0, &[HUGE, HUGE][..], &[HUGE, 1][..]),
        (0, &[HUGE, HUGE, 0], &[HUGE, 1, 1]),
        (0, &[0, HUGE, HUGE], &[1, HUGE, 1]),
        (0, &[i64::MAX, i64::MAX], &[1, i64::MAX]),
        (i64::MAX, &[2], &[i64::MAX]),
        (i64::MAX, &[], &[]),
    ] {
        let error = error_with(offset, shape, strides);
        assert!(matches!(error, ModelError::Damaged(_)), "{shape:?} {strides:?}: {error}");
    }
    // Empty ones lie nowhere and take no time: the rest of the network is what they lack.
    for (offset, shape, strides) in
        [(1 << 62, &[0][..], &[1][..]), (0, &[1 << 24, 1 << 24, 0], &[1, 1 << 24, 1])]
    {
        let error = error_with(offset, shape, strides);
        assert!(matches!(error, ModelError::Missing(_)), "{shape:?} {strides:?}: {error}");
    }
}

/// A small storage that many tensors show is not worth many times its memory.
#[test]
fn shared_storages_are_bounded() {
    let values = vec![1.0; 1 << 16];
    let mut contents = Codes::new().raw(b"}").text("synthesis.b4.const");
    contents = contents.tensor(1 << 16, 0, &[1 << 16], &[1]).raw(b"q\x00s");
    for i in 0..10_000 {
        contents = contents.text(&format!("synthesis.{i}")).raw(b"h\x00s");
    }
    assert!(matches!(error_of(&legacy(contents.stop(), &values)), ModelError::TooLarge(_)));
}

#[test]
fn declared_sizes_are_not_believed() {
    for code in [&b"\x8d"[..], b"\x8e", b"\x96"] {
        let bytes = Codes::new().raw(code).raw(&u64::MAX.to_le_bytes()).raw(b"abc").stop();
        assert!(matches!(error_of(&bytes), ModelError::Damaged(_) | ModelError::TooLarge(_)));
    }
    for code in [&b"X"[..], b"B", b"T"] {
        let bytes = Codes::new().raw(code).raw(&u32::MAX.to_le_bytes()).raw(b"abc").stop();
        assert!(matches!(error_of(&bytes), ModelError::Damaged(_) | ModelError::TooLarge(_)));
    }
    // More texts than any network has, though each is there.
    let text = "x".repeat(4 << 20);
    let texts = (0..9).fold(Codes::new(), |codes, _| codes.text(&text));
    assert!(matches!(error_of(&texts.stop()), ModelError::TooLarge(_)));
    // Endless codes, of memo entries and of nothing.
    for code in [&b"N"[..], b"N\x94", b"N0", b"]", b"N2"] {
        let bytes = Codes::new().raw(b"N").raw(&code.repeat((3 << 20) / code.len())).stop();
        assert!(matches!(error_of(&bytes), ModelError::TooLarge(_)));
    }
    // A million lists, each of which grows what the machine holds.
    let lists = Codes::new().raw(&b"]".repeat(1 << 20)).stop();
    assert!(matches!(error_of(&lists), ModelError::TooLarge(_)));
    // A storage of more values than follow.
    let mut cut = one_tensor("synthesis.b4.const", 6, 0, &[6], &[1]);
    let at = cut.len() - 6 * 4 - 8;
    for num in [7, u64::MAX / 4, u64::MAX] {
        cut[at..at + 8].copy_from_slice(&num.to_le_bytes());
        assert!(matches!(error_of(&cut), ModelError::Damaged(_)));
    }
}

#[test]
fn headers_of_safetensors_are_checked() {
    for header in [
        "{",
        r#"{"a":3}"#,
        r#"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"a":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}"#,
    ] {
        let error = error_of(&safetensors(header));
        assert!(matches!(error, ModelError::Damaged(_)), "{header}: {error}");
    }
    let mut long = safetensors("{}");
    long[..8].copy_from_slice(&100_000_000_u64.to_le_bytes());
    assert!(matches!(error_of(&long), ModelError::Damaged(_)));
    let nested = format!("{{\"a\":{}", "[".repeat(200_000));
    assert!(matches!(error_of(&safetensors(&nested)), ModelError::Damaged(_)));
}

/// Entries that are compressed, lie elsewhere, or are more than there can be.
#[test]
fn zip_files_are_checked() {
    let bytes = reference("rosinality_64.pt");
    let find = |signature: &[u8]| bytes.windows(4).rposition(|window| window == signature).unwrap();
    let spoil = |at: usize, with: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    let (first, end) =
        (bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap(), find(b"PK\x05\x06"));
    let compressed = error_of(&spoil(first + 10, &[8, 0]));
    assert!(compressed.to_string().contains("compressed"), "{compressed}");
    for (at, with) in [
        (first, &b"PK\x01\x01"[..]),             // no entry
        (first + 24, &[0xfe, 0xff, 0xff, 0x7f]), // longer than the file
        (first + 24, &[0xff, 0xff, 0xff, 0xff]), // 64-bit length, which is absent
        (first + 42, &[0xf0, 0xff, 0xff, 0x7f]), // beyond the end
        (first + 42, &[1, 0, 0, 0]),             // not at a header
        (end + 10, &[0xfe, 0xff]),               // more entries than there are
        (end + 12, &[0xfe, 0xff, 0xff, 0x7f]),   // a longer directory
        (end + 16, &[0xfe, 0xff, 0xff, 0x7f]),   // a directory elsewhere
    ] {
        let error = error_of(&spoil(at, with));
        assert!(matches!(error, ModelError::Damaged(_) | ModelError::TooLarge(_)), "{at}: {error}");
    }
    // With the 64-bit end in use, as beyond 4 GiB, it opens all the same.
    assert!(open_bytes(&spoil(end + 10, &[0xff; 10])).is_ok());
}
