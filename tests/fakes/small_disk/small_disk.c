/* A disk that is full, or read-only, where none can be mounted: preloaded, it answers for the kernel
 * below the folder SMALL_DISK. The disk is full while the file "<folder>.full" is there, and nothing
 * below a path can be opened or made to be written that stands in the file "<folder>.sealed".
 * As on a real disk, what was opened to be written before it was sealed still is. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define REAL(type, name) ((type)dlsym(RTLD_NEXT, name))

static int is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}

static const char *beside(const char *ending, char *out)
{
    const char *disk = getenv("SMALL_DISK");
    snprintf(out, PATH_MAX, "%s%s", disk ? disk : "", ending);
    return out;
}

static int on_full_disk(const char *path)
{
    char full[PATH_MAX], disk[PATH_MAX];
    return is_below(path, beside("", disk)) && !access(beside(".full", full), F_OK);
}

static int on_full_disk_fd(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return on_full_disk(path);
}

static int is_sealed(const char *path)
{
    char list[PATH_MAX], sealed[PATH_MAX] = "";
    if (!path)
        return 0;
    int fd = REAL(int (*)(const char *, int, ...), "open")(beside(".sealed", list), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, sealed, sizeof sealed - 1);
    close(fd);
    sealed[length < 0 ? 0 : length] = 0;
    return is_below(path, sealed);
}

static int refused(const char *path)
{
    if (!is_sealed(path))
        return 0;
    errno = EROFS;
    return 1;
}

static int opened(const char *name, int folder, const char *path, int flags, mode_t mode)
{
    if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && refused(path))
        return -1;
    return REAL(int (*)(int, const char *, int, ...), name)(folder, path, flags, mode);
}

#define MODE(flags, mode)                         \
    mode_t mode = 0;                              \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {      \
        va_list rest;                             \
        va_start(rest, flags);                    \
        mode = va_arg(rest, mode_t);              \
        va_end(rest);                             \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened("openat", AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened("openat64", AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened("openat", folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened("openat64", folder, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (size && on_full_disk_fd(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(ssize_t (*)(int, const void *, size_t), "write")(fd, data, size);
}

int mkdir(const char *path, mode_t mode)
{
    return refused(path) ? -1 : REAL(int (*)(const char *, mode_t), "mkdir")(path, mode);
}

int rename(const char *from, const char *to)
{
    return refused(to) ? -1 : REAL(int (*)(const char *, const char *), "rename")(from, to);
}

int unlink(const char *path)
{
    return refused(path) ? -1 : REAL(int (*)(const char *), "unlink")(path);
}

int statvfs(const char *path, struct statvfs *out)
{
    int failed = REAL(int (*)(const char *, struct statvfs *), "statvfs")(path, out);
    if (!failed && on_full_disk(path))
        out->f_bavail = out->f_bfree = 0;
    return failed;
}

int statvfs64(const char *path, struct statvfs64 *out)
{
    int failed = REAL(int (*)(const char *, struct statvfs64 *), "statvfs64")(path, out);
    if (!failed && on_full_disk(path))
        out->f_bavail = out->f_bfree = 0;
    return failed;
}
