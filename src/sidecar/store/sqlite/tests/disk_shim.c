/* Stands between a process and its disk (LD_PRELOAD): writes down every change and every sync of the files below DISK_SHIM_DIR
 * into DISK_SHIM_LOG, in the order in which they happened, and lets writes fail with DISK_SHIM_ERRNO once DISK_SHIM_BYTES have
 * been written. Test tool; changes nothing else.
 *
 * A record: op, path length (u32), path, number (u64), data length (u32), data; numbers as the machine has them.
 * C created; W written at number; T cut to number; U unlinked; R renamed to data; K folder made;
 * F sync number begins; G sync number has ended. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 4096
#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static char *paths[FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t syncs;
static int64_t written;

static ssize_t plain_write(int fd, const void *data, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    return real(fd, data, count);
}

static int log_fd(void) {
    static int fd = -2;
    if (fd == -2) {
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
        const char *path = getenv("DISK_SHIM_LOG");
        fd = path ? real(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    }
    return fd;
}

static int watched(const char *path) {
    const char *dir = getenv("DISK_SHIM_DIR");
    return dir && path && strncmp(path, dir, strlen(dir)) == 0;
}

static const char *path_of(int fd) { return fd >= 0 && fd < FDS ? paths[fd] : NULL; }

static void note(char op, const char *path, uint64_t number, const void *data, uint32_t count) {
    uint32_t length = strlen(path);
    size_t size = 1 + 4 + length + 8 + 4 + count, at = 0;
    char *record = malloc(size);
    record[at++] = op;
    memcpy(record + at, &length, 4); at += 4;
    memcpy(record + at, path, length); at += length;
    memcpy(record + at, &number, 8); at += 8;
    memcpy(record + at, &count, 4); at += 4;
    if (count) memcpy(record + at, data, count);
    if (log_fd() >= 0 && plain_write(log_fd(), record, size) != (ssize_t)size) abort();
    free(record);
}

/* Whether a write is to fail now. What is promised is written down whatever happens to the disk. */
static int fails(const char *path, size_t count) {
    const char *bytes = getenv("DISK_SHIM_BYTES"), *number = getenv("DISK_SHIM_ERRNO");
    if (!bytes || !number || strstr(path, "/promises")) return 0;
    written += count;
    if (written <= atoll(bytes)) return 0;
    errno = atoi(number);
    return 1;
}

static void opened(int fd, const char *path, int is_new) {
    if (fd < 0 || fd >= FDS || !watched(path)) return;
    pthread_mutex_lock(&lock);
    free(paths[fd]);
    paths[fd] = strdup(path);
    if (is_new) note('C', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
}

#define OPEN(name)                                                       \
    int name(const char *path, int flags, ...) {                         \
        REAL(name);                                                      \
        mode_t mode = 0;                                                 \
        if (flags & O_CREAT) {                                           \
            va_list rest;                                                \
            va_start(rest, flags);                                       \
            mode = va_arg(rest, mode_t);                                 \
            va_end(rest);                                                \
        }                                                                \
        int is_new = (flags & O_CREAT) && watched(path) && access(path, F_OK); \
        int fd = real(path, flags, mode);                                \
        opened(fd, path, is_new);                                        \
        return fd;                                                       \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(close);
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS) { free(paths[fd]); paths[fd] = NULL; }
    pthread_mutex_unlock(&lock);
    return real(fd);
}

static ssize_t write_at(int fd, const void *data, size_t count, off_t at, int is_positioned) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    const char *path = path_of(fd);
    if (!path) return is_positioned ? real(fd, data, count, at) : plain_write(fd, data, count);
    pthread_mutex_lock(&lock);
    ssize_t done = -1;
    if (!fails(path, count)) {
        if (!is_positioned) at = lseek(fd, 0, SEEK_CUR);
        note('W', path, at, data, count);
        done = is_positioned ? real(fd, data, count, at) : plain_write(fd, data, count);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *data, size_t count) { return write_at(fd, data, count, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t count, off_t at) { return write_at(fd, data, count, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t count, off64_t at) { return write_at(fd, data, count, at, 1); }

static void cut(int fd, uint64_t length) {
    if (!path_of(fd)) return;
    pthread_mutex_lock(&lock);
    note('T', path_of(fd), length, NULL, 0);
    pthread_mutex_unlock(&lock);
}
int ftruncate(int fd, off_t length) { REAL(ftruncate); cut(fd, length); return real(fd, length); }
int ftruncate64(int fd, off64_t length) { REAL(ftruncate64); cut(fd, length); return real(fd, length); }

#define SYNC(name)                                                       \
    int name(int fd) {                                                   \
        REAL(name);                                                      \
        const char *path = path_of(fd);                                  \
        if (!path) return real(fd);                                      \
        pthread_mutex_lock(&lock);                                       \
        uint64_t number = ++syncs;                                       \
        note('F', path, number, NULL, 0);                                \
        pthread_mutex_unlock(&lock);                                     \
        int done = real(fd);                                             \
        pthread_mutex_lock(&lock);                                       \
        if (!done) note('G', path, number, NULL, 0);                     \
        pthread_mutex_unlock(&lock);                                     \
        return done;                                                     \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    REAL(unlink);
    if (watched(path)) { pthread_mutex_lock(&lock); note('U', path, 0, NULL, 0); pthread_mutex_unlock(&lock); }
    return real(path);
}
int rename(const char *from, const char *to) {
    REAL(rename);
    if (watched(from)) { pthread_mutex_lock(&lock); note('R', from, 0, to, strlen(to)); pthread_mutex_unlock(&lock); }
    return real(from, to);
}
int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    int done = real(path, mode);
    if (!done && watched(path)) { pthread_mutex_lock(&lock); note('K', path, 0, NULL, 0); pthread_mutex_unlock(&lock); }
    return done;
}
