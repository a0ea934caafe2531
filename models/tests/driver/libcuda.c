// A stand-in for NVIDIA's driver, for tests on machines without a GPU: one GPU whose memory is this
// computer's. As on a real one, work that is asked for is done later, at the latest when somebody
// waits for it; calls fail on threads that have not turned to the GPU; and after a kernel's fault
// every call fails. It runs two kernels, `stub_add` and `stub_fault`; others do nothing.
//
// LUMAWIRE_STUB says what it is like: `none` has no GPU, `old` one of compute capability 7.5,
// `unpooled` one whose memory is in no pools, `faulty` one that fails for good at the 500th kernel.
// LUMAWIRE_STUB_LOG names a file to which it writes, when the GPU is let go of, what is left over.

#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef WITH_CUDA_H  // To compare the declarations with NVIDIA's.
#include <cuda.h>
#else
typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;
typedef struct CUextMemory_st *CUexternalMemory;
typedef struct { char bytes[16]; } CUuuid;
typedef int CUdevice_attribute, CUfunction_attribute, CUjit_option, CUstreamCaptureMode;
typedef struct {
  int type;
  union { int fd; struct { void *handle; const void *name; } win32; const void *object; } handle;
  unsigned long long size;
  unsigned int flags, reserved[16];
} CUDA_EXTERNAL_MEMORY_HANDLE_DESC;
typedef struct {
  unsigned long long offset, size;
  unsigned int flags, reserved[16];
} CUDA_EXTERNAL_MEMORY_BUFFER_DESC;
#endif

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201,
       INVALID_PTX = 218, NOT_FOUND = 500, ILLEGAL_ADDRESS = 700, CAPTURE_UNSUPPORTED = 900 };
enum { MAX_WORK = 4096, MAX_PLACES = 4096, TOTAL_BYTES = 64 << 20 };

struct CUfunc_st { char name[64]; int max_shared; };
struct CUmod_st { char *text; struct CUfunc_st functions[8]; int num; };
struct CUevent_st { int is_pending; float ms; };
struct CUextMemory_st { void *memory; size_t size; int fd; };

struct work {
  enum { COPY, SET_EVENT, FREE, LAUNCH } kind;
  void *to;
  const void *from;
  size_t size;
  struct CUfunc_st *function;
  unsigned char argument[16];
  unsigned grid[3], threads, shared;
};
struct queue { struct work work[MAX_WORK]; int num; };
struct CUstream_st { struct queue queue; struct queue *capture; };
struct CUgraph_st { struct queue queue; };
struct CUgraphExec_st { struct queue queue; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { int x; } the_context;
static __thread CUcontext current;
static int fault, leaks_contexts, leaks_streams, leaks_events, leaks_modules, leaks_graphs,
    leaks_memory, leaks_host, leaks_outside;
static size_t used_bytes;
static float clock_ms;
static int num_launches;
static struct { void *memory; size_t size; } places[MAX_PLACES];

static int is(const char *what) {
  const char *is = getenv("LUMAWIRE_STUB");
  return is && !strcmp(is, what);
}

#define ENTER \
  if (fault) return fault; \
  if (current != (CUcontext)&the_context) return INVALID_CONTEXT

static void run(const struct work *work) {
  clock_ms += 1;
  switch (work->kind) {
    case COPY: memcpy(work->to, work->from, work->size); break;
    case SET_EVENT: {
      CUevent event = work->to;
      event->is_pending = 0;
      event->ms = clock_ms;
      break;
    }
    case FREE: free(work->to); break;
    case LAUNCH:
      if (++num_launches == 500 && is("faulty")) fault = ILLEGAL_ADDRESS;
      if (!strcmp(work->function->name, "stub_add")) {
        struct { uint32_t *to; uint32_t value, num; } argument;
        memcpy(&argument, work->argument, sizeof argument);
        for (uint32_t i = 0; i < argument.num; i++)
          argument.to[i] += argument.value * work->grid[0] * work->threads;
      } else if (!strcmp(work->function->name, "stub_fault")) {
        fault = ILLEGAL_ADDRESS;
      }
  }
}

static CUresult finish(CUstream stream) {
  for (int i = 0; i < stream->queue.num && !fault; i++) run(&stream->queue.work[i]);
  stream->queue.num = 0;
  return fault;
}

static CUstream streams[16];

static void finish_all(void) {
  for (int i = 0; i < 16; i++)
    if (streams[i] && !streams[i]->capture) finish(streams[i]);
}

static CUresult ask(CUstream stream, struct work work) {
  struct queue *queue = stream->capture ? stream->capture : &stream->queue;
  if (stream->capture && work.kind != LAUNCH) return CAPTURE_UNSUPPORTED;
  if (queue->num == MAX_WORK) finish(stream);
  queue->work[queue->num++] = work;
  return OK;
}

#define LOCKED(body) \
  do { \
    pthread_mutex_lock(&lock); \
    CUresult result = OK; \
    body; \
    pthread_mutex_unlock(&lock); \
    return result; \
  } while (0)

CUresult cuInit(unsigned flags) { return flags ? INVALID_VALUE : is("none") ? NO_DEVICE : OK; }
CUresult cuDriverGetVersion(int *version) { return *version = 12040, OK; }
CUresult cuGetErrorName(CUresult error, const char **name) {
  *name = error == OUT_OF_MEMORY     ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == NO_DEVICE       ? "CUDA_ERROR_NO_DEVICE"
          : error == INVALID_PTX     ? "CUDA_ERROR_INVALID_PTX"
          : error == ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
                                     : NULL;
  return *name ? OK : INVALID_VALUE;
}
CUresult cuGetErrorString(CUresult error, const char **text) {
  (void)error;
  return *text = "in the stub's words", OK;
}
CUresult cuDeviceGetCount(int *count) { return *count = 1, OK; }
CUresult cuDeviceGet(CUdevice *device, int number) {
  return number ? INVALID_VALUE : (*device = 7, OK);
}
CUresult cuDeviceGetName(char *name, int len, CUdevice device) {
  if (device != 7) return INVALID_VALUE;
  return snprintf(name, len, "Stub 1000"), OK;
}
#undef cuDeviceGetUuid
CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
  if (device != 7) return INVALID_VALUE;
  for (int i = 0; i < 16; i++) uuid->bytes[i] = (char)(0xf0 + i);
  return OK;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  if (device != 7) return INVALID_VALUE;
  switch ((int)attribute) {
    case 16: return *value = 13, OK;                   // multiprocessors
    case 75: return *value = is("old") ? 7 : 8, OK;    // compute capability
    case 76: return *value = is("old") ? 5 : 0, OK;
    case 115: return *value = !is("unpooled"), OK;     // memory pools
    default: return INVALID_VALUE;
  }
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  if (device != 7) return INVALID_VALUE;
  leaks_contexts++;
  return *context = (CUcontext)&the_context, OK;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  if (device != 7) return INVALID_VALUE;
  leaks_contexts--;
  const char *path = getenv("LUMAWIRE_STUB_LOG");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (file) {
    fprintf(file, "contexts %d streams %d events %d modules %d graphs %d memory %d host %d outside %d",
            leaks_contexts, leaks_streams, leaks_events, leaks_modules, leaks_graphs, leaks_memory,
            leaks_host, leaks_outside);
    fclose(file);
  }
  return OK;
}
CUresult cuCtxSetCurrent(CUcontext context) { return current = context, fault; }

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  ENTER;
  if (flags != 1) return INVALID_VALUE;  // would wait for the default stream
  LOCKED({
    *stream = calloc(1, sizeof **stream);
    for (int i = 0; i < 16; i++)
      if (!streams[i]) { streams[i] = *stream; break; }
    leaks_streams++;
  });
}
CUresult cuStreamDestroy_v2(CUstream stream) {
  LOCKED({
    finish(stream);
    for (int i = 0; i < 16; i++)
      if (streams[i] == stream) streams[i] = NULL;
    free(stream);
    leaks_streams--;
  });
}
CUresult cuStreamSynchronize(CUstream stream) {
  ENTER;
  LOCKED(result = stream->capture ? CAPTURE_UNSUPPORTED : finish(stream));
}
CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
  ENTER;
  if ((int)mode != 2 || stream->capture) return INVALID_VALUE;
  return stream->capture = calloc(1, sizeof(struct queue)), OK;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  ENTER;
  if (!stream->capture) return INVALID_VALUE;
  *graph = calloc(1, sizeof **graph);
  (*graph)->queue = *stream->capture;
  free(stream->capture);
  stream->capture = NULL;
  leaks_graphs++;
  return OK;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags) {
  ENTER;
  if (flags) return INVALID_VALUE;
  *exec = calloc(1, sizeof **exec);
  (*exec)->queue = graph->queue;
  leaks_graphs++;
  return OK;
}
CUresult cuGraphUpload(CUgraphExec exec, CUstream stream) {
  ENTER;
  return exec && stream ? OK : INVALID_VALUE;
}
CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  ENTER;
  LOCKED(for (int i = 0; i < exec->queue.num && !result; i++)
           result = ask(stream, exec->queue.work[i]));
}
CUresult cuGraphDestroy(CUgraph graph) { return free(graph), leaks_graphs--, OK; }
CUresult cuGraphExecDestroy(CUgraphExec exec) { return free(exec), leaks_graphs--, OK; }

static CUresult place(CUdeviceptr *address, size_t size) {
  if (used_bytes + size > TOTAL_BYTES) return OUT_OF_MEMORY;
  for (int i = 0; i < MAX_PLACES; i++) {
    if (places[i].memory) continue;
    places[i].memory = aligned_alloc(256, (size + 255) / 256 * 256);
    places[i].size = size;
    memset(places[i].memory, 0xcd, size);
    *address = (CUdeviceptr)(uintptr_t)places[i].memory;
    used_bytes += size;
    leaks_memory++;
    return OK;
  }
  return OUT_OF_MEMORY;
}
static CUresult forget(CUdeviceptr address) {
  for (int i = 0; i < MAX_PLACES; i++) {
    if (!places[i].memory || (CUdeviceptr)(uintptr_t)places[i].memory != address) continue;
    used_bytes -= places[i].size;
    places[i].memory = NULL;
    leaks_memory--;
    return OK;
  }
  return INVALID_VALUE;
}
CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
  ENTER;
  LOCKED(result = place(address, size));
}
CUresult cuMemAllocAsync(CUdeviceptr *address, size_t size, CUstream stream) {
  ENTER;
  LOCKED(result = stream->capture ? CAPTURE_UNSUPPORTED : place(address, size));
}
CUresult cuMemFree_v2(CUdeviceptr address) {
  ENTER;
  LOCKED({
    finish_all();
    if (!forget(address)) free((void *)(uintptr_t)address);  // else it was mapped
  });
}
CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream) {
  ENTER;
  struct work work = {.kind = FREE, .to = (void *)(uintptr_t)address};
  LOCKED({
    result = forget(address);
    if (!result) result = ask(stream, work);
  });
}
CUresult cuMemAllocHost_v2(void **memory, size_t size) {
  ENTER;
  *memory = malloc(size);
  memset(*memory, 0xcd, size);
  leaks_host++;
  return OK;
}
CUresult cuMemFreeHost(void *memory) { return free(memory), leaks_host--, OK; }
CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
  ENTER;
  return *total = TOTAL_BYTES, *free_bytes = TOTAL_BYTES - used_bytes, OK;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream stream) {
  ENTER;
  struct work work = {.kind = COPY, .to = (void *)(uintptr_t)to, .from = from, .size = size};
  LOCKED(result = ask(stream, work));
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream stream) {
  ENTER;
  struct work work = {.kind = COPY, .to = to, .from = (void *)(uintptr_t)from, .size = size};
  LOCKED(result = ask(stream, work));
}

CUresult cuImportExternalMemory(CUexternalMemory *outside, const CUDA_EXTERNAL_MEMORY_HANDLE_DESC *what) {
  ENTER;
  if ((int)what->type != 1 || what->flags) return INVALID_VALUE;
  void *memory = mmap(NULL, what->size, PROT_READ | PROT_WRITE, MAP_SHARED, what->handle.fd, 0);
  if (memory == MAP_FAILED) return INVALID_VALUE;
  *outside = calloc(1, sizeof **outside);
  (*outside)->memory = memory;
  (*outside)->size = what->size;
  (*outside)->fd = what->handle.fd;
  leaks_outside++;
  return OK;
}
CUresult cuExternalMemoryGetMappedBuffer(CUdeviceptr *address, CUexternalMemory outside,
                                         const CUDA_EXTERNAL_MEMORY_BUFFER_DESC *part) {
  ENTER;
  if (part->offset + part->size > outside->size || part->flags) return INVALID_VALUE;
  return *address = (CUdeviceptr)(uintptr_t)outside->memory + part->offset, OK;
}
CUresult cuDestroyExternalMemory(CUexternalMemory outside) {
  ENTER;
  munmap(outside->memory, outside->size);
  if (close(outside->fd)) return INVALID_VALUE;  // it was not ours to close
  free(outside);
  leaks_outside--;
  return OK;
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
  ENTER;
  if (flags > 3) return INVALID_VALUE;
  leaks_events++;
  return *event = calloc(1, sizeof **event), OK;
}
CUresult cuEventDestroy_v2(CUevent event) {
  LOCKED({
    finish_all();
    free(event);
    leaks_events--;
  });
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
  ENTER;
  struct work work = {.kind = SET_EVENT, .to = event};
  LOCKED({
    result = ask(stream, work);
    event->is_pending = !result;
  });
}
CUresult cuEventSynchronize(CUevent event) {
  ENTER;
  LOCKED({
    if (event->is_pending) finish_all();
    result = fault;
  });
}
#undef cuEventElapsedTime
CUresult cuEventElapsedTime(float *ms, CUevent from, CUevent to) {
  ENTER;
  return *ms = to->ms - from->ms, OK;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *text, unsigned num, CUjit_option *options,
                            void **values) {
  ENTER;
  if (strstr(text, "SYNTAX ERROR")) {
    char *log = NULL;
    size_t size = 0;
    for (unsigned i = 0; i < num; i++) {
      if ((int)options[i] == 5) log = values[i];
      if ((int)options[i] == 6) size = (size_t)(uintptr_t)values[i];
    }
    if (log) snprintf(log, size, "ptxas line 3; error\n  : unexpected SYNTAX ERROR\n");
    return INVALID_PTX;
  }
  *module = calloc(1, sizeof **module);
  (*module)->text = strdup(text);
  leaks_modules++;
  return OK;
}
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  ENTER;
  char entry[80];
  snprintf(entry, sizeof entry, ".entry %s(", name);
  if (!strstr(module->text, entry) || module->num == 8) return NOT_FOUND;
  *function = &module->functions[module->num++];
  snprintf((*function)->name, sizeof (*function)->name, "%s", name);
  (*function)->max_shared = 48 << 10;
  return OK;
}
CUresult cuModuleUnload(CUmodule module) {
  free(module->text);
  free(module);
  return leaks_modules--, OK;
}
CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  ENTER;
  if ((int)attribute == 9) return value >= -1 && value <= 100 ? OK : INVALID_VALUE;
  if ((int)attribute != 8 || value > 99 << 10) return INVALID_VALUE;
  return function->max_shared = value, OK;
}
CUresult cuLaunchKernel(CUfunction function, unsigned x, unsigned y, unsigned z, unsigned tx,
                        unsigned ty, unsigned tz, unsigned shared, CUstream stream, void **arguments,
                        void **extra) {
  ENTER;
  if ((int)shared > function->max_shared || ty != 1 || tz != 1 || extra) return INVALID_VALUE;
  struct work work = {.kind = LAUNCH, .function = function, .grid = {x, y, z}, .threads = tx,
                      .shared = shared};
  if (!strcmp(function->name, "stub_add")) memcpy(work.argument, arguments[0], 16);
  LOCKED(result = ask(stream, work));
}
