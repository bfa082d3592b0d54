/* A disk that fails when it is told to: while $FAULTS/sync exists, syncing fails with EIO; while $FAULTS/full exists,
   writing to the database's files fails with ENOSPC. Loaded into the hub by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int told(const char *what) {
    const char *folder = getenv("FAULTS");
    char path[4096];
    if (!folder) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, what);
    int before = errno;
    int there = access(path, F_OK) == 0;
    errno = before;
    return there;
}

/* Whether a descriptor is the database, its log or its index. */
static int ours(int fd) {
    char link[64], path[4096];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "hub.db") != NULL;
}

#define NEXT(name, type) static type next; if (!next) next = (type)dlsym(RTLD_NEXT, name)

typedef int (*sync_t)(int);
typedef ssize_t (*write_t)(int, const void *, size_t);
typedef ssize_t (*pwrite_t)(int, const void *, size_t, off_t);

int fsync(int fd) {
    NEXT("fsync", sync_t);
    if (ours(fd) && told("sync")) { errno = EIO; return -1; }
    return next(fd);
}

int fdatasync(int fd) {
    NEXT("fdatasync", sync_t);
    if (ours(fd) && told("sync")) { errno = EIO; return -1; }
    return next(fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT("write", write_t);
    if (ours(fd) && told("full")) { errno = ENOSPC; return -1; }
    return next(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    NEXT("pwrite", pwrite_t);
    if (ours(fd) && told("full")) { errno = ENOSPC; return -1; }
    return next(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    NEXT("pwrite64", pwrite_t);
    if (ours(fd) && told("full")) { errno = ENOSPC; return -1; }
    return next(fd, bytes, count, at);
}
