/* A libnvidia-ml.so.1 with as many GPUs, and as many troubles, as a test wants.
 *
 * The file named by FAKE_NVML_CONTROL is read again at every call. Each line is one GPU (or "nvml",
 * the library itself) with fields separated by tabs, key=value:
 *
 *   gpu   uuid=… name=… bus=… memory=BYTES used=BYTES reserved=BYTES temperature=C power=MW utilization=% ecc=N
 *         xid=N xids=COUNT (an event for each rise of COUNT) mig=1 parent=UUID error=CODE
 *         processes=pid:bytes,pid:bytes rows=N pages=N repair_pending=1 repair_failed=1
 *         brakes=BITS recovery=ACTION hang=1 (every call about it sleeps for ever)
 *   nvml  error=CODE (of nvmlInitWithFlags) hang=1 (every call sleeps for ever)
 *
 * A card replaces rows of its memory; one whose pages are not -1 retires pages instead. A recovery
 * of -1 is not told. "error" of a GPU is what every reading of it returns. A handle is the address of a uuid, which
 * stays valid when the file changes. What the driver has "reserved" is counted as used by the older
 * of the two calls for the memory; -1 is a driver that has no other.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, TIMEOUT = 10, LOST = 15, OTHER_VERSION = 25 };
enum { MOST = 64, TEXT = 96, LINE = 4096 };

typedef unsigned int uint;
typedef unsigned long long ull;

typedef struct {
  char uuid[TEXT], name[TEXT], bus[32], parent[TEXT], processes[1024];
  ull memory, used, ecc, xid, xids;
  uint temperature, power, utilization, error, rows, repair_pending, repair_failed;
  ull brakes;
  int mig, pages, recovery, hang;
  long long reserved;
} Gpu;

typedef struct { char uuid[TEXT]; ull delivered; } Handle;
typedef struct { char legacy[16]; uint domain, bus, device, id, subsystem; char bus_id[32]; } Pci;
typedef struct { ull total, free, used; } Memory;
typedef struct { uint version; ull total, reserved, free, used; } MemoryV2;
typedef struct { uint gpu, memory; } Utilization;
typedef struct { uint pid; ull used; uint instance, compute; } Process;
typedef struct { uint id, scope; long long at, latency; int type, error; union { uint ui; ull u; } value; } Field;
typedef struct { Handle *device; ull type, data; uint instance, compute; } Event;

static Gpu gpus[MOST];
static int count;
static Handle handles[MOST];
static int handle_count;

static const char *field(const char *line, const char *key, char *out, size_t size) {
  char start[32];
  snprintf(start, sizeof start, "\t%s=", key);
  const char *at = strstr(line, start);
  out[0] = 0;
  if (at) {
    at += strlen(start);
    size_t length = strcspn(at, "\t\n");
    if (length >= size) length = size - 1;
    memcpy(out, at, length);
    out[length] = 0;
  }
  return out;
}

static ull number(const char *line, const char *key) {
  char text[32];
  return strtoull(field(line, key, text, sizeof text), NULL, 10);
}

static void read_gpu(const char *line) {
  Gpu *gpu = &gpus[count++];
  field(line, "uuid", gpu->uuid, TEXT);
  field(line, "name", gpu->name, TEXT);
  field(line, "bus", gpu->bus, sizeof gpu->bus);
  field(line, "parent", gpu->parent, TEXT);
  field(line, "processes", gpu->processes, sizeof gpu->processes);
  gpu->memory = number(line, "memory");
  gpu->used = number(line, "used");
  gpu->reserved = (long long)number(line, "reserved");
  gpu->temperature = number(line, "temperature");
  gpu->power = number(line, "power");
  gpu->utilization = number(line, "utilization");
  gpu->ecc = number(line, "ecc");
  gpu->xid = number(line, "xid");
  gpu->xids = number(line, "xids");
  gpu->error = number(line, "error");
  gpu->mig = number(line, "mig") != 0;
  gpu->rows = number(line, "rows");
  gpu->pages = (int)number(line, "pages");
  gpu->repair_pending = number(line, "repair_pending");
  gpu->repair_failed = number(line, "repair_failed");
  gpu->brakes = number(line, "brakes");
  gpu->recovery = (int)number(line, "recovery");
  gpu->hang = number(line, "hang") != 0;
}

/* Reads the control file; returns the library's own error. Hangs here if the file says so. */
static int refresh(void) {
  const char *path = getenv("FAKE_NVML_CONTROL");
  FILE *file = path ? fopen(path, "r") : NULL;
  char line[LINE];
  int error = OK, hang = 0;
  if (!file) return 9;
  count = 0;
  while (fgets(line, sizeof line, file)) {
    if (!strncmp(line, "gpu", 3) && count < MOST) read_gpu(line);
    if (!strncmp(line, "nvml", 4)) {
      error = number(line, "error");
      hang = number(line, "hang") != 0;
    }
  }
  fclose(file);
  while (hang) pause();
  return error;
}

static Gpu *find(const char *uuid) {
  for (int i = 0; i < count; i++)
    if (!strcmp(gpus[i].uuid, uuid)) return &gpus[i];
  return NULL;
}

static Handle *handle_of(Gpu *gpu) {
  for (int i = 0; i < handle_count; i++)
    if (!strcmp(handles[i].uuid, gpu->uuid)) return &handles[i];
  Handle *handle = &handles[handle_count++];
  strcpy(handle->uuid, gpu->uuid);
  return handle;
}

/* The GPU behind a handle, freshly read, and the error that a call on it returns. */
static int look(Handle *handle, Gpu **gpu) {
  refresh();
  *gpu = find(handle->uuid);
  while (*gpu && (*gpu)->hang) pause();
  return *gpu ? (int)(*gpu)->error : LOST;
}

static Gpu *nth(const char *parent, uint index) {
  for (int i = 0; i < count; i++)
    if (!strcmp(gpus[i].parent, parent) && index-- == 0) return &gpus[i];
  return NULL;
}

int nvmlInitWithFlags(uint flags) { (void)flags; return refresh(); }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { (void)code; return "fake error"; }

int nvmlDeviceGetCount_v2(uint *out) {
  int error = refresh();
  *out = 0;
  while (nth("", *out)) ++*out;
  return error;
}

int nvmlDeviceGetHandleByIndex_v2(uint index, Handle **out) {
  refresh();
  Gpu *gpu = nth("", index);
  if (!gpu) return INVALID;
  *out = handle_of(gpu);
  return gpu->error;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Handle **out) {
  refresh();
  Gpu *gpu = find(uuid);
  if (!gpu) return NOT_FOUND;
  *out = handle_of(gpu);
  return OK;
}

int nvmlDeviceGetUUID(Handle *handle, char *out, uint size) {
  snprintf(out, size, "%s", handle->uuid);
  return OK;
}

int nvmlDeviceGetName(Handle *handle, char *out, uint size) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (!error) snprintf(out, size, "%s", gpu->name);
  return error;
}

int nvmlDeviceGetPciInfo_v3(Handle *handle, Pci *out) {
  refresh();
  Gpu *gpu = find(handle->uuid);
  if (!gpu) return LOST;
  memset(out, 0, sizeof *out);
  strcpy(out->bus_id, gpu->bus);
  return OK;
}

int nvmlDeviceGetMemoryInfo(Handle *handle, Memory *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (error) return error;
  ull used = gpu->used + (gpu->reserved > 0 ? gpu->reserved : 0);
  *out = (Memory){gpu->memory, gpu->memory - used, used};
  return OK;
}

int nvmlDeviceGetMemoryInfo_v2(Handle *handle, MemoryV2 *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (error) return error;
  if (gpu->reserved < 0 || out->version != (sizeof *out | 2u << 24)) return OTHER_VERSION;
  ull free = gpu->memory - gpu->used - gpu->reserved;
  *out = (MemoryV2){out->version, gpu->memory, gpu->reserved, free, gpu->used};
  return OK;
}

int nvmlDeviceGetUtilizationRates(Handle *handle, Utilization *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (!error) *out = (Utilization){gpu->utilization, 0};
  return error;
}

int nvmlDeviceGetTemperature(Handle *handle, int sensor, uint *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  (void)sensor;
  if (!error) *out = gpu->temperature;
  return error;
}

int nvmlDeviceGetPowerUsage(Handle *handle, uint *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (!error) *out = gpu->power;
  return error;
}

int nvmlDeviceGetTotalEccErrors(Handle *handle, int type, int counter, ull *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  (void)type;
  (void)counter;
  if (!error) *out = gpu->ecc;
  return error;
}

int nvmlDeviceGetRemappedRows(Handle *handle, uint *corrected, uint *broken, uint *pending, uint *failed) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (error) return error;
  if (gpu->pages != -1) return NOT_SUPPORTED;
  *corrected = gpu->rows;
  *broken = 0;
  *pending = gpu->repair_pending;
  *failed = gpu->repair_failed;
  return OK;
}

/* Every page was retired for the first cause, and none for another. */
int nvmlDeviceGetRetiredPages(Handle *handle, int cause, uint *size, ull *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (error) return error;
  if (gpu->pages == -1) return NOT_SUPPORTED;
  uint found = cause == 0 ? gpu->pages : 0;
  int fits = found <= *size;
  for (uint i = 0; i < found && i < *size && out; i++) out[i] = i;
  *size = found;
  return fits ? OK : TOO_SMALL;
}

int nvmlDeviceGetRetiredPagesPendingStatus(Handle *handle, int *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (error) return error;
  *out = gpu->repair_pending;
  return gpu->pages == -1 ? NOT_SUPPORTED : OK;
}

int nvmlDeviceGetCurrentClocksEventReasons(Handle *handle, ull *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (!error) *out = gpu->brakes;
  return error;
}

int nvmlDeviceGetFieldValues(Handle *handle, int size, Field *fields) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  for (int i = 0; !error && i < size; i++) {
    fields[i].error = gpu->recovery == -1 ? NOT_SUPPORTED : OK;
    fields[i].value.ui = gpu->recovery;
  }
  return error;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Handle *handle, uint *size, Process *out) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  uint found = 0;
  if (error) return error;
  for (char *at = gpu->processes; *at; found++) {
    Process process = {0};
    process.pid = strtoul(at, &at, 10);
    if (*at == ':') process.used = strtoull(at + 1, &at, 10);
    if (*at == ',') at++;
    if (found < *size && out) out[found] = process;
  }
  int fits = found <= *size;
  *size = found;
  return fits ? OK : TOO_SMALL;
}

int nvmlDeviceGetMigMode(Handle *handle, uint *current, uint *pending) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  if (!error) *current = *pending = gpu->mig;
  return error;
}

int nvmlDeviceGetMaxMigDeviceCount(Handle *handle, uint *out) {
  (void)handle;
  *out = 7;
  return OK;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Handle *card, uint index, Handle **out) {
  refresh();
  Gpu *gpu = nth(card->uuid, index);
  if (!gpu) return NOT_FOUND;
  *out = handle_of(gpu);
  return OK;
}

int nvmlEventSetCreate(void **out) {
  static int set;
  *out = &set;
  return OK;
}

int nvmlDeviceRegisterEvents(Handle *handle, ull types, void *set) {
  Gpu *gpu;
  int error = look(handle, &gpu);
  (void)types;
  (void)set;
  if (!error && gpu->parent[0]) return NOT_SUPPORTED;
  if (!error) handle->delivered = gpu->xids;
  return error;
}

int nvmlEventSetWait_v2(void *set, Event *out, uint timeout_ms) {
  (void)set;
  for (uint waited = 0;; waited += 10) {
    refresh();
    for (int i = 0; i < handle_count; i++) {
      Gpu *gpu = find(handles[i].uuid);
      if (gpu && gpu->xids > handles[i].delivered) {
        handles[i].delivered = gpu->xids;
        *out = (Event){&handles[i], 8, gpu->xid, 0, 0};
        return OK;
      }
    }
    if (waited >= timeout_ms) return TIMEOUT;
    usleep(10000);
  }
}
