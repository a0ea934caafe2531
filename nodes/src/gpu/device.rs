//! The one graphics device that all nodes share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lumawire_core::{NodeError, Services};

use super::pool::Pool;
use super::recorder::Recorder;
use super::shader::Pipelines;
use super::strokes::StrokePipelines;

/// Names a part of the adapter that is to be taken, whatever else there is.
const ADAPTER_NAME_VARIABLE: &str = "WGPU_ADAPTER_NAME";

/// The largest picture: 8K has half of it. More would take gigabytes a pass.
const MAX_PIXELS: u64 = 1 << 26;

/// A graphics device. Nodes get it by `Gpu::of(cx.services)`.
#[derive(Debug)]
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    limits: wgpu::Limits,
    /// Whether the driver compiles amidst draws: see [`compiles_late`].
    pub(super) compiles_late: bool,
    description: String,
    faults: Arc<Faults>,
    pub(super) pool: Pool,
    pub(super) recorder: Recorder,
    pub(super) pipelines: Pipelines,
    pub(super) stroke_pipelines: OnceLock<StrokePipelines>,
    /// The buffer through which pictures come back, kept for the next of its size or less.
    staging: Mutex<Option<wgpu::Buffer>>,
    num_buffers_allocated: AtomicU64,
}

/// What the driver reports when nobody is asking.
#[derive(Debug, Default)]
struct Faults {
    lost: OnceLock<String>,
    uncaptured: Mutex<Option<String>>,
}

impl Gpu {
    /// Opens the best adapter: discrete before integrated, virtual and software ones; OpenGL only
    /// where there is no other interface. `WGPU_ADAPTER_NAME` picks one by a part of its name.
    ///
    /// # Errors
    /// Where there is none, with the package to install, and where its driver refuses.
    pub fn new() -> Result<Self, NodeError> {
        let adapter = best_adapter()?;
        let info = adapter.get_info();
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("lumawire"),
            required_limits: adapter.limits(),
            ..Default::default()
        });
        let (device, queue) =
            pollster::block_on(request).map_err(|e| NodeError::device(&info.name, e))?;
        let gpu = Self::from_device(&info, device, queue);
        let faults = gpu.faults.clone();
        gpu.device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            faults
                .uncaptured
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| reason(&error));
        }));
        Ok(gpu)
    }

    /// The device that `services` lend: opened if nobody has yet, and opened anew if it was lost.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(services: &Services) -> Result<Arc<Self>, NodeError> {
        let gpu = services.get_or_try_init(Self::new)?;
        if !gpu.is_lost() {
            return Ok(gpu);
        }
        let gpu = Arc::new(Self::new()?);
        services.insert(gpu.clone());
        Ok(gpu)
    }

    /// Whether the device is gone for good: unplugged, reset, crashed. Its pictures went with it.
    pub fn is_lost(&self) -> bool {
        self.faults.lost.get().is_some()
    }

    /// Shares a device that the program has opened, with the limits that it was opened with. Takes
    /// its device-lost callback; errors outside the nodes' own work stay with the program.
    pub fn from_device(info: &wgpu::AdapterInfo, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let faults = Arc::new(Faults::default());
        let told = faults.clone();
        device.set_device_lost_callback(move |_, message| {
            let _ = told.lost.set(message);
        });
        let limits = device.limits();
        Self {
            compiles_late: compiles_late(info, &limits),
            limits,
            description: describe(info),
            recorder: Recorder::new(&device),
            device,
            queue,
            faults,
            pool: Pool::default(),
            pipelines: Pipelines::default(),
            stroke_pipelines: OnceLock::new(),
            staging: Mutex::default(),
            num_buffers_allocated: AtomicU64::new(0),
        }
    }

    /// Name, kind and interface for messages: `llvmpipe (LLVM 15.0.6, 256 bits) (CPU, Vulkan)`.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// The device.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// Its queue. What was recorded is not on it until [`flush`](Self::flush).
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// How many textures were allocated so far: constant in steady state.
    pub fn num_textures_allocated(&self) -> u64 {
        self.pool.num_allocated()
    }

    /// How many passes of effects were compiled so far: each once, however many nodes have it.
    pub fn num_passes_compiled(&self) -> u64 {
        self.pipelines.num_compiled()
    }

    /// How many buffers were allocated to bring pictures to memory so far: constant in steady state.
    pub fn num_buffers_allocated(&self) -> u64 {
        self.num_buffers_allocated.load(Ordering::Relaxed)
    }

    /// The kept buffer if it is long enough, else a new one.
    pub(super) fn take_staging(&self, num_bytes: u64) -> Result<wgpu::Buffer, NodeError> {
        let kept = self.staging.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(buffer) = kept.filter(|b| b.size() >= num_bytes) {
            return Ok(buffer);
        }
        self.num_buffers_allocated.fetch_add(1, Ordering::Relaxed);
        self.checked(|| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("pictures to memory"),
                size: num_bytes,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        })
    }

    /// Keeps an unmapped buffer for the next `take_staging`.
    pub(super) fn give_back_staging(&self, buffer: wgpu::Buffer) {
        *self.staging.lock().unwrap_or_else(PoisonError::into_inner) = Some(buffer);
    }

    /// Runs `work` on the device and collects what goes wrong in it.
    ///
    /// # Errors
    /// Validation and internal errors, exhausted memory, a lost device.
    pub fn checked<T>(&self, work: impl FnOnce() -> T) -> Result<T, NodeError> {
        use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
        let scopes = [Validation, OutOfMemory, Internal].map(|f| self.device.push_error_scope(f));
        let result = work();
        let errors = scopes.into_iter().rev().map(|scope| pollster::block_on(scope.pop()));
        let error = errors.collect::<Vec<_>>().into_iter().flatten().next();
        match error.map(|e| reason(&e)).or_else(|| self.fault()) {
            Some(reason) => Err(self.error(reason)),
            None => Ok(result),
        }
    }

    /// An error of this device.
    pub fn error(&self, reason: impl ToString) -> NodeError {
        NodeError::device(&self.description, reason)
    }

    /// Refuses pictures without area and those that the device cannot hold.
    pub(super) fn check_size(&self, (width, height): (u32, u32)) -> Result<(), NodeError> {
        let max = self.limits.max_texture_dimension_2d;
        if width == 0 || height == 0 {
            return Err(self.error(format!("a picture of {width} × {height} pixels has no area")));
        }
        if width > max || height > max || u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(self.error(format!(
                "a picture of {width} × {height} pixels is too large: this device takes sides up \
                 to {max} and {} million pixels in all",
                MAX_PIXELS / 1_000_000
            )));
        }
        Ok(())
    }

    /// Keeps an error that nobody can be told just now for the next who asks.
    pub(super) fn keep_fault(&self, error: &NodeError) {
        self.faults
            .uncaptured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| error.to_string());
    }

    fn fault(&self) -> Option<String> {
        if let Some(message) = self.faults.lost.get() {
            return Some(format!("the device was lost: {message}; it is opened anew"));
        }
        self.faults.uncaptured.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The adapters that `backends` offer.
fn adapters(backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::from_build_config().with_env();
    pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends))
}

fn best_adapter() -> Result<wgpu::Adapter, NodeError> {
    let mut found = adapters(wgpu::Backends::PRIMARY);
    if found.is_empty() {
        found = adapters(wgpu::Backends::SECONDARY);
    }
    if let Ok(wanted) = std::env::var(ADAPTER_NAME_VARIABLE) {
        let wanted = wanted.to_lowercase();
        found.retain(|a| a.get_info().name.to_lowercase().contains(&wanted));
        if found.is_empty() {
            let reason = format!("no adapter's name contains {ADAPTER_NAME_VARIABLE}={wanted}");
            return Err(NodeError::device("graphics", reason));
        }
    }
    found.into_iter().min_by_key(|a| rank(&a.get_info())).ok_or_else(|| {
        NodeError::device(
            "graphics",
            "no graphics adapter found; install your card's Vulkan driver, or \
             mesa-vulkan-drivers to draw on the processor",
        )
    })
}

/// The lower, the better.
fn rank(info: &wgpu::AdapterInfo) -> u8 {
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Cpu => 3,
        wgpu::DeviceType::Other => 4,
    }
}

fn describe(info: &wgpu::AdapterInfo) -> String {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "CPU",
        wgpu::DeviceType::Other => "other",
    };
    format!("{} ({kind}, {:?})", info.name, info.backend)
}

/// Mesa's driver for the processor compiles a pass amidst its first draw, and again for whatever it
/// writes into the code: the values of uniforms that steer its flow, and whether the sides of the
/// textures that it reads are powers of two. Each takes a fifth of a second, or ten milliseconds where
/// it is on disk from before. So numbers are bound as storage that is only read (`shader.rs`), sides
/// are never powers of two (`picture.rs`), and what is left to compile is drawn before it is needed
/// (`rehearsal.rs`).
fn compiles_late(info: &wgpu::AdapterInfo, limits: &wgpu::Limits) -> bool {
    info.device_type == wgpu::DeviceType::Cpu
        && info.backend == wgpu::Backend::Vulkan
        && limits.max_storage_buffers_per_shader_stage > 0
}

fn reason(error: &wgpu::Error) -> String {
    match error {
        wgpu::Error::OutOfMemory { .. } => {
            "its memory is full; use smaller pictures or fewer effects".to_owned()
        }
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            description.trim().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::gpu;
    use super::*;

    #[test]
    fn errors_of_the_device_are_returned() {
        let gpu = gpu();
        let error = gpu.checked(|| {
            gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 16,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::MAP_WRITE,
                mapped_at_creation: false,
            })
        });
        assert!(matches!(error, Err(NodeError::Device { .. })), "{error:?}");
        assert!(gpu.checked(|| ()).is_ok());
    }

    #[test]
    fn sizes_without_area_or_past_the_limit_are_refused() {
        let gpu = gpu();
        let max = gpu.limits.max_texture_dimension_2d;
        for size in [(0, 4), (4, 0), (max + 1, 1), (1, max + 1), (8_193, 8_192)] {
            assert!(gpu.check_size(size).is_err(), "{size:?}");
        }
        for size in [(max, 1), (1, max), (8_192, 8_192)] {
            assert!(gpu.check_size(size).is_ok(), "{size:?}");
        }
    }

    #[test]
    fn a_lost_device_is_an_error() {
        let gpu = Gpu::new().unwrap();
        gpu.device().destroy();
        let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
        let error = gpu.checked(|| ()).unwrap_err();
        assert!(error.to_string().contains("lost"), "{error}");
    }
}
