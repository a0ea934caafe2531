//! The kernels as the driver takes them: PTX, for compute capability 8.0 and later. `cargo xtask gpu
//! kernels` makes it from the sources beside it.

/// One source file of kernels.
#[derive(Debug)]
pub(crate) struct Module {
    /// The file's name without its ending: the kernels' names begin with it.
    pub name: &'static str,
    /// Its PTX.
    pub ptx: &'static str,
}

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        &[$(Module { name: $name, ptx: include_str!(concat!("kernels/", $name, ".ptx")) }),*]
    };
}

/// All of them.
pub(crate) const MODULES: &[Module] = modules![
    "bend_blur",
    "bend_grow",
    "bend_sample",
    "bend_value",
    "bend_wide",
    "conv_bf16",
    "conv_f16",
    "conv_f32",
    "conv_tf32",
    "finish",
    "modulate",
    "noise",
    "to_rgb",
];

/// The module of a kernel: of those whose names its own begins with, the longest.
pub(crate) fn module_of(modules: &'static [Module], kernel: &str) -> Option<&'static Module> {
    let has = |module: &&Module| {
        kernel
            .strip_prefix(module.name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    modules.iter().filter(has).max_by_key(|module| module.name.len())
}

/// The size of a kernel's one argument in bytes, as its PTX declares it; `None` where there is no
/// such kernel, or one with other arguments.
pub(crate) fn argument_bytes(ptx: &str, kernel: &str) -> Option<usize> {
    let head = format!(".entry {kernel}(");
    let (_, rest) = ptx.split_once(&head)?;
    let (params, _) = rest.split_once(')')?;
    let mut params = params.split(',');
    let (param, None) = (params.next()?, params.next()) else { return None };
    let (_, size) = param.trim().strip_suffix(']')?.rsplit_once('[')?;
    size.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use sha2::{Digest, Sha256};

    use super::*;

    const AGAIN: &str = "run `cargo xtask gpu kernels`";

    /// The sources that end so, by name.
    fn sources(ending: &str) -> Vec<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/stylegan2/cuda/kernels");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let files = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|f| f.extension().is_some_and(|e| e == ending)).collect();
        files.sort();
        files
    }

    #[test]
    fn every_source_has_its_ptx_of_today() {
        let headers: Vec<u8> =
            sources("cuh").iter().flat_map(|header| std::fs::read(header).unwrap()).collect();
        let mut names = Vec::new();
        for source in sources("cu") {
            let name = source.file_stem().unwrap().to_string_lossy().into_owned();
            let module = MODULES.iter().find(|module| module.name == name);
            let module = module.unwrap_or_else(|| panic!("MODULES lacks `{name}`"));
            let digest = Sha256::new().chain_update(std::fs::read(&source).unwrap());
            let digest = digest.chain_update(&headers).finalize();
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let first = module.ptx.lines().next().unwrap_or_default();
            assert!(first.contains(&digest), "{name}.ptx is not of {name}.cu: {AGAIN}");
            names.push(name);
        }
        assert_eq!(MODULES.len(), names.len(), "a module has no source");
    }

    #[test]
    fn every_kernel_is_found_and_has_one_argument() {
        for module in MODULES {
            let mut kernels = 0;
            for line in module.ptx.lines() {
                let Some((_, rest)) = line.split_once(".entry ") else { continue };
                let kernel = rest.trim_end_matches('(');
                assert_eq!(module_of(MODULES, kernel).unwrap().name, module.name, "{kernel}");
                assert!(argument_bytes(module.ptx, kernel).is_some(), "{kernel}");
                kernels += 1;
            }
            assert!(kernels > 0, "{} has no kernel", module.name);
            assert!(module.ptx.contains("\n.version 7.1\n"), "{}: {AGAIN}", module.name);
            assert!(module.ptx.contains("\n.target sm_80\n"), "{}: {AGAIN}", module.name);
        }
    }

    #[test]
    fn arguments_are_read_from_ptx() {
        // As nvcc 13.0 writes it.
        let ptx = "\t// .globl\tnoise_fill\n.visible .entry noise_fill(\n\t.param .align 8 .b8 \
                   noise_fill_param_0[32]\n)\n{\n\tret;\n}\n.visible .entry noise_fill_two(\n\t.param \
                   .u64 .ptr .align 1 noise_fill_two_param_0,\n\t.param .u32 \
                   noise_fill_two_param_1\n)\n";
        assert_eq!(argument_bytes(ptx, "noise_fill"), Some(32));
        assert_eq!(argument_bytes(ptx, "noise_fill_two"), None);
        assert_eq!(argument_bytes(ptx, "noise"), None);
    }

    #[test]
    fn the_longest_name_has_the_kernel() {
        const SOME: &[Module] =
            &[Module { name: "conv", ptx: "" }, Module { name: "conv_f16", ptx: "" }];
        let found = |kernel| module_of(SOME, kernel).map(|module| module.name);
        assert_eq!(found("conv_f16_up"), Some("conv_f16"));
        assert_eq!(found("conv_f16"), Some("conv_f16"));
        assert_eq!(found("conv_f1"), Some("conv"));
        assert_eq!(found("convolve"), None);
    }
}
