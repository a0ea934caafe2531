//! Memory of the graphics device that others may write, by `VK_KHR_external_memory_fd`. wgpu turns
//! the extension on wherever the driver has it.
// Vulkan's own calls are the only way there; each says why it is sound.
#![allow(unsafe_code)]

use std::os::fd::{FromRawFd, OwnedFd};

use ash::vk;
use wgpu::hal::api::Vulkan;

use crate::gpu::Gpu;

const OPAQUE_FD: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::OPAQUE_FD;
const USAGE: vk::BufferUsageFlags = vk::BufferUsageFlags::TRANSFER_SRC;

/// A buffer to copy from, and its memory for somebody else to write.
pub struct Exported {
    /// The buffer.
    pub buffer: wgpu::Buffer,
    /// Its memory, at the beginning of which its bytes lie.
    pub memory: OwnedFd,
    /// Size of the memory, which may be more than was asked for.
    pub num_bytes: u64,
}

/// The UUID of the physical device, where it is reached through Vulkan 1.1.
pub fn uuid(gpu: &Gpu) -> Option<[u8; 16]> {
    // SAFETY: nothing that the guard lends is destroyed or kept.
    let device = unsafe { gpu.device().as_hal::<Vulkan>() }?;
    let shared = device.shared_instance();
    let (instance, physical) = (shared.raw_instance(), device.raw_physical_device());
    // SAFETY: the physical device is one of this instance.
    let version = unsafe { instance.get_physical_device_properties(physical) }.api_version;
    if version.min(shared.instance_api_version()) < vk::API_VERSION_1_1 {
        return None;
    }
    let mut ids = vk::PhysicalDeviceIDProperties::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut ids);
    // SAFETY: as above; both the instance and the device know this call since Vulkan 1.1.
    unsafe { instance.get_physical_device_properties2(physical, &mut properties) };
    Some(ids.device_uuid)
}

/// A buffer of `num_bytes` whose memory leaves Vulkan as an opaque file descriptor, not dedicated.
///
/// # Errors
/// Another interface than Vulkan, a driver that exports no such memory, exhausted memory.
pub fn export(gpu: &Gpu, num_bytes: u64) -> Result<Exported, String> {
    if uuid(gpu).is_none() {
        return Err("the graphics device is not reached through Vulkan 1.1".into());
    }
    // SAFETY: nothing that the guard lends is destroyed, nor kept longer than wgpu's own buffer.
    let device = unsafe { gpu.device().as_hal::<Vulkan>() }
        .ok_or("the graphics device is not reached through Vulkan")?;
    if !device.enabled_device_extensions().contains(&ash::khr::external_memory_fd::NAME) {
        return Err("the graphics driver has no VK_KHR_external_memory_fd".into());
    }
    let (instance, raw) = (device.shared_instance().raw_instance(), device.raw_device());
    let physical = device.raw_physical_device();
    if !can_export(instance, physical) {
        return Err("the graphics driver exports no memory of buffers".into());
    }

    let mut made =
        Made { device: raw, buffer: vk::Buffer::null(), memory: vk::DeviceMemory::null() };
    let mut external = vk::ExternalMemoryBufferCreateInfo::default().handle_types(OPAQUE_FD);
    let buffer =
        vk::BufferCreateInfo::default().size(num_bytes).usage(USAGE).push_next(&mut external);
    // SAFETY: the device is alive while its guard is; the structs outlive the call.
    made.buffer = unsafe { raw.create_buffer(&buffer, None) }.map_err(|e| e.to_string())?;
    // SAFETY: the buffer was made by this device.
    let needs = unsafe { raw.get_buffer_memory_requirements(made.buffer) };
    // SAFETY: the physical device is one of this instance.
    let has = unsafe { instance.get_physical_device_memory_properties(physical) };
    let memory_type = memory_type(&has, needs.memory_type_bits)
        .ok_or("the graphics device has no memory of its own that could be shared")?;
    let mut exporting = vk::ExportMemoryAllocateInfo::default().handle_types(OPAQUE_FD);
    let allocation = vk::MemoryAllocateInfo::default()
        .allocation_size(needs.size)
        .memory_type_index(memory_type)
        .push_next(&mut exporting);
    // SAFETY: as for the buffer.
    made.memory = unsafe { raw.allocate_memory(&allocation, None) }.map_err(|e| e.to_string())?;
    // SAFETY: the memory is of a type and size that the buffer takes, and nothing else lies in it.
    unsafe { raw.bind_buffer_memory(made.buffer, made.memory, 0) }.map_err(|e| e.to_string())?;
    let get = vk::MemoryGetFdInfoKHR::default().memory(made.memory).handle_type(OPAQUE_FD);
    // SAFETY: the extension is on, and the memory was allocated to be exported so.
    let fd =
        unsafe { ash::khr::external_memory_fd::Device::new(instance, raw).get_memory_fd(&get) };
    // SAFETY: Vulkan hands over a descriptor that nobody else has.
    let memory = unsafe { OwnedFd::from_raw_fd(fd.map_err(|e| e.to_string())?) };

    let (buffer, allocated) = made.leave();
    let create = || {
        // SAFETY: buffer and memory are this device's and bound to each other; from here on wgpu
        // alone destroys them. Only texels that were written are ever copied from it.
        unsafe {
            let buffer =
                wgpu::hal::vulkan::Buffer::from_raw_managed(buffer, allocated, 0, needs.size);
            gpu.device().create_buffer_from_hal::<Vulkan>(
                buffer,
                &wgpu::BufferDescriptor {
                    label: Some("shared picture"),
                    size: num_bytes,
                    usage: wgpu::BufferUsages::COPY_SRC,
                    mapped_at_creation: false,
                },
            )
        }
    };
    let buffer = gpu.checked(create).map_err(|e| e.to_string())?;
    Ok(Exported { buffer, memory, num_bytes: needs.size })
}

/// Whether memory of buffers can be exported without being dedicated to one.
fn can_export(instance: &ash::Instance, physical: vk::PhysicalDevice) -> bool {
    let of = vk::PhysicalDeviceExternalBufferInfo::default().usage(USAGE).handle_type(OPAQUE_FD);
    let mut found = vk::ExternalBufferProperties::default();
    // SAFETY: the physical device is one of this instance, and both know Vulkan 1.1.
    unsafe {
        instance.get_physical_device_external_buffer_properties(physical, &of, &mut found);
    }
    let features = found.external_memory_properties.external_memory_features;
    features.contains(vk::ExternalMemoryFeatureFlags::EXPORTABLE)
        && !features.contains(vk::ExternalMemoryFeatureFlags::DEDICATED_ONLY)
}

/// The first of the types in `allowed` that is the device's own memory.
fn memory_type(has: &vk::PhysicalDeviceMemoryProperties, allowed: u32) -> Option<u32> {
    let is_own = |i: &u32| {
        has.memory_types.get(*i as usize).is_some_and(|memory_type| {
            memory_type.property_flags.contains(vk::MemoryPropertyFlags::DEVICE_LOCAL)
        })
    };
    (0..has.memory_type_count.min(32)).filter(|i| allowed & (1 << i) != 0).find(is_own)
}

/// What is destroyed again where a later step fails.
struct Made<'a> {
    device: &'a ash::Device,
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
}

impl Made<'_> {
    /// Leaves both to the caller.
    fn leave(mut self) -> (vk::Buffer, vk::DeviceMemory) {
        (std::mem::take(&mut self.buffer), std::mem::take(&mut self.memory))
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        // SAFETY: the device made both and nobody has used them; null is allowed.
        unsafe {
            self.device.destroy_buffer(self.buffer, None);
            self.device.free_memory(self.memory, None);
        }
    }
}
