//! Kernels: compiled by the driver when they are first run, and run.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use cudarc::driver::sys;

use super::{Device, Handle, recording};
use crate::accelerator::{AcceleratorError, Launch};
use crate::stylegan2::cuda::ptx::{self, Module};

/// Shared memory that a block may have without being allowed more.
const FREE_SHARED_BYTES: u32 = 48 << 10;
/// Room for what the driver's compiler has to say.
const LOG_BYTES: usize = 4096;

/// The kernels of a GPU that were run so far.
pub(super) struct Kernels {
    modules: &'static [Module],
    found: RwLock<HashMap<&'static str, Kernel>>,
    /// Held while one is compiled, so that running ones does not wait for it.
    loaded: Mutex<HashMap<&'static str, Handle<sys::CUmodule>>>,
}

struct Kernel {
    function: Handle<sys::CUfunction>,
    argument_bytes: usize,
    /// Bytes of shared memory that it may have.
    shared_bytes: AtomicU32,
}

impl Kernels {
    pub(super) fn new(modules: &'static [Module]) -> Self {
        Self { modules, found: RwLock::default(), loaded: Mutex::default() }
    }

    /// Unloads them, in the context that has them.
    pub(super) fn close(&mut self) {
        let loaded = self.loaded.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, module) in loaded.drain() {
            // SAFETY: no kernel runs any more, and nobody has one of its functions.
            let _ = unsafe { sys::cuModuleUnload(module.0) };
        }
    }
}

impl Device {
    pub(super) fn launch(&self, launch: &Launch<'_>) -> Result<(), AcceleratorError> {
        let found = self.kernels.found.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = found.get(launch.kernel) {
            return self.run(kernel, launch);
        }
        drop(found);
        let kernel = self.find(launch.kernel)?;
        self.run(&kernel, launch)?;
        self.keep(launch.kernel, kernel);
        Ok(())
    }

    /// Has a kernel's module compiled, unless it is.
    pub(super) fn prepare(&self, name: &'static str) -> Result<(), AcceleratorError> {
        let found = self.kernels.found.read().unwrap_or_else(PoisonError::into_inner);
        if !found.contains_key(name) {
            drop(found);
            self.keep(name, self.find(name)?);
        }
        Ok(())
    }

    fn keep(&self, name: &'static str, kernel: Kernel) {
        let mut found = self.kernels.found.write().unwrap_or_else(PoisonError::into_inner);
        found.insert(name, kernel);
    }

    fn run(&self, kernel: &Kernel, launch: &Launch<'_>) -> Result<(), AcceleratorError> {
        let Launch { kernel: name, grid, num_threads, shared_bytes, argument } = *launch;
        if argument.len() != kernel.argument_bytes {
            return Err(AcceleratorError(format!(
                "`{name}` takes an argument of {} bytes and was given {}: run `cargo xtask gpu \
                 kernels` and build again",
                kernel.argument_bytes,
                argument.len()
            )));
        }
        self.allow_shared(kernel, name, shared_bytes)?;
        let mut arguments = [argument.as_ptr().cast_mut().cast::<c_void>()];
        // SAFETY: the one argument has the length that the kernel's source says, and is copied by
        // this call. What the addresses in it point to, the caller answers for.
        let result = unsafe {
            sys::cuLaunchKernel(
                kernel.function.0,
                grid[0],
                grid[1],
                grid[2],
                num_threads,
                1,
                1,
                shared_bytes,
                recording::stream(self),
                arguments.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        self.check(&format_args!("running `{name}`").to_string(), result)
    }

    /// Lets a block of the kernel have so much shared memory.
    fn allow_shared(
        &self,
        kernel: &Kernel,
        name: &str,
        shared_bytes: u32,
    ) -> Result<(), AcceleratorError> {
        use sys::CUfunction_attribute_enum::{
            CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as MAX_SHARED,
            CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT as CARVEOUT,
        };
        if shared_bytes <= kernel.shared_bytes.load(Ordering::Relaxed) {
            return Ok(());
        }
        let bytes = i32::try_from(shared_bytes).unwrap_or(i32::MAX);
        // As many blocks at once as there is memory for: it is worth more than the cache.
        for (attribute, value) in [(MAX_SHARED, bytes), (CARVEOUT, 100)] {
            // SAFETY: takes numbers.
            let result = unsafe { sys::cuFuncSetAttribute(kernel.function.0, attribute, value) };
            let doing = format!("giving `{name}` {shared_bytes} bytes of shared memory");
            self.check(&doing, result)?;
        }
        kernel.shared_bytes.store(shared_bytes, Ordering::Relaxed);
        Ok(())
    }

    fn find(&self, name: &str) -> Result<Kernel, AcceleratorError> {
        let unknown = || AcceleratorError(format!("there is no kernel `{name}`"));
        let module = ptx::module_of(self.kernels.modules, name).ok_or_else(unknown)?;
        let argument_bytes = ptx::argument_bytes(module.ptx, name).ok_or_else(unknown)?;
        let mut loaded = self.kernels.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = match loaded.get(module.name) {
            Some(handle) => *handle,
            None => {
                let handle = self.load(module)?;
                loaded.insert(module.name, handle);
                handle
            }
        };
        let symbol = CString::new(name).map_err(|_| unknown())?;
        let mut function = std::ptr::null_mut();
        // SAFETY: writes one handle; the name ends with a zero.
        let result = unsafe { sys::cuModuleGetFunction(&mut function, handle.0, symbol.as_ptr()) };
        self.check(&format!("finding the kernel `{name}`"), result)?;
        Ok(Kernel {
            function: Handle(function),
            argument_bytes,
            shared_bytes: AtomicU32::new(FREE_SHARED_BYTES),
        })
    }

    /// Has the driver compile a module for this GPU. It keeps what it compiled on disk.
    fn load(&self, module: &Module) -> Result<Handle<sys::CUmodule>, AcceleratorError> {
        use sys::CUjit_option_enum::{
            CU_JIT_ERROR_LOG_BUFFER as LOG, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES as LOG_SIZE,
        };
        let doing = format!("compiling the kernels `{}`", module.name);
        let text = CString::new(module.ptx)
            .map_err(|_| AcceleratorError(format!("{doing}: there is a zero in their text")))?;
        let mut log = vec![0_u8; LOG_BYTES];
        let mut options = [LOG, LOG_SIZE];
        // The size stands in the pointer itself.
        let mut values = [log.as_mut_ptr().cast::<c_void>(), LOG_BYTES as *mut c_void];
        let mut handle = std::ptr::null_mut();
        // SAFETY: the text ends with a zero, the log has the length that is told, and both outlive
        // the call.
        let result = unsafe {
            sys::cuModuleLoadDataEx(
                &mut handle,
                text.as_ptr().cast(),
                options.len() as u32,
                options.as_mut_ptr(),
                values.as_mut_ptr(),
            )
        };
        self.check(&doing, result).map_err(|error| match first_lines(&log) {
            Some(lines) => AcceleratorError(format!("{error}: {lines}")),
            None => error,
        })?;
        Ok(Handle(handle))
    }
}

/// What the compiler said, up to three lines of it in one.
fn first_lines(log: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(log.split(|byte| *byte == 0).next()?).into_owned();
    let lines: Vec<_> = text.lines().map(str::trim).filter(|l| !l.is_empty()).take(3).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}
