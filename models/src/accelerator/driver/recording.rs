//! Launches that are recorded once and run as one piece: CUDA graphs.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::sys;

use super::{Device, Handle};
use crate::accelerator::{AcceleratorError, Recording};

thread_local! {
    /// The GPU and the stream that this thread records in.
    static RECORDING: Cell<Option<(*const Device, sys::CUstream)>> = const { Cell::new(None) };
}

/// Where recordings are made, one at a time: a stream in which nothing runs.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Option<Handle<sys::CUstream>>>);

impl Recorder {
    /// Closes its stream, in the context that has it.
    pub(super) fn close(&mut self) {
        if let Some(stream) = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // SAFETY: nothing is recorded any more.
            let _ = unsafe { sys::cuStreamDestroy_v2(stream.0) };
        }
    }
}

/// Where this thread's launches go.
pub(super) fn stream(device: &Device) -> sys::CUstream {
    match RECORDING.get() {
        Some((of, stream)) if std::ptr::eq(of, device) => stream,
        _ => device.stream.0,
    }
}

impl Device {
    /// Refuses what a recording would not hold.
    pub(super) fn refuse_recording(&self, what: &str) -> Result<(), AcceleratorError> {
        match RECORDING.get() {
            Some((of, _)) if std::ptr::eq(of, self) => {
                Err(AcceleratorError(format!("{what} within a recording is not possible")))
            }
            _ => Ok(()),
        }
    }
}

/// Records the launches of `run`.
pub(super) fn record(
    device: &Arc<Device>,
    run: &mut dyn FnMut() -> Result<(), AcceleratorError>,
) -> Result<Box<dyn Recording>, AcceleratorError> {
    device.refuse_recording("another recording")?;
    let mut recorder = device.recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
    let stream = match *recorder {
        Some(stream) => stream,
        None => *recorder.insert(device.new_stream()?),
    };
    let capture = Capture::begin(device, stream)?;
    let ran = run();
    // A launch that failed may have spoilt the capture: its own words say more.
    let graph = capture.end();
    ran?;
    let graph = graph?;
    let mut exec = std::ptr::null_mut();
    // SAFETY: writes one handle; the graph is alive.
    let result = unsafe { sys::cuGraphInstantiateWithFlags(&mut exec, graph.handle.0, 0) };
    device.check("putting a recording together", result)?;
    let replay = Replay { device: device.clone(), exec: Mutex::new(Handle(exec)) };
    // SAFETY: graph and stream are alive.
    let result = unsafe { sys::cuGraphUpload(exec, device.stream.0) };
    device.check("handing a recording to the GPU", result)?;
    Ok(Box::new(replay))
}

/// A capture under way. Dropped, it is given up.
struct Capture<'a> {
    device: &'a Arc<Device>,
    stream: Handle<sys::CUstream>,
}

impl<'a> Capture<'a> {
    fn begin(
        device: &'a Arc<Device>,
        stream: Handle<sys::CUstream>,
    ) -> Result<Self, AcceleratorError> {
        // Other calls stay allowed, of this thread as well: kernels may be compiled meanwhile.
        let mode = sys::CUstreamCaptureMode_enum::CU_STREAM_CAPTURE_MODE_RELAXED;
        // SAFETY: the stream is alive, and nobody else captures in it.
        let result = unsafe { sys::cuStreamBeginCapture_v2(stream.0, mode) };
        device.check("beginning a recording", result)?;
        RECORDING.set(Some((Arc::as_ptr(device), stream.0)));
        Ok(Self { device, stream })
    }

    fn end(self) -> Result<Graph, AcceleratorError> {
        let (device, graph) = (self.device, self.stop());
        std::mem::forget(self);
        graph.map_err(|result| match device.check("ending a recording", result) {
            Err(error) => error,
            Ok(()) => AcceleratorError(format!("{}: recording the kernels failed", device.name)),
        })
    }

    fn stop(&self) -> Result<Graph, sys::CUresult> {
        RECORDING.set(None);
        let mut graph = std::ptr::null_mut();
        // SAFETY: writes one handle, or null where the capture was spoilt.
        let result = unsafe { sys::cuStreamEndCapture(self.stream.0, &mut graph) };
        if result != sys::CUresult::CUDA_SUCCESS || graph.is_null() {
            return Err(result);
        }
        Ok(Graph { handle: Handle(graph) })
    }
}

impl Drop for Capture<'_> {
    /// Where `run` panicked.
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// What was captured.
struct Graph {
    handle: Handle<sys::CUgraph>,
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: nobody else has it; what was made of it stands for itself.
        let _ = unsafe { sys::cuGraphDestroy(self.handle.0) };
    }
}

/// A graph that is ready to run.
struct Replay {
    device: Arc<Device>,
    /// Graphs take one call at a time.
    exec: Mutex<Handle<sys::CUgraphExec>>,
}

impl Recording for Replay {
    fn replay(&self) -> Result<(), AcceleratorError> {
        self.device.enter()?;
        self.device.refuse_recording("running a recording")?;
        let exec = self.exec.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: graph and stream are alive. What its kernels reach, the recorder answers for.
        let result = unsafe { sys::cuGraphLaunch(exec.0, self.device.stream.0) };
        self.device.check("running a recording", result)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            let exec = self.exec.get_mut().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: nobody else has it; one that still runs is freed when it is done.
            let _ = unsafe { sys::cuGraphExecDestroy(exec.0) };
        }
    }
}
