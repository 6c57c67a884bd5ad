/* Records what processes do to files below RECORD_ROOT, in the file RECORD_LOG: Python, and the JVM that it starts.
   Built and loaded by power.py.

   A record: struct head, then a path or bytes (first), then a second path (second). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FDS 65536
struct head { char op[4]; int process, fd, first, second, unused; long long offset; };

static const char *root;
static size_t root_length;
static int log_fd = -1;
static char tracked[MOST_FDS], appends[MOST_FDS];
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    root = getenv("RECORD_ROOT");
    const char *name = getenv("RECORD_LOG");
    if (!root || !name) return;
    root_length = strlen(root);
    log_fd = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* One step at a time, of all processes, so that the record has them in their order. */
static void enter(void) {
    pthread_mutex_lock(&one);
    syscall(SYS_flock, log_fd, LOCK_EX);
}

static void leave(void) {
    syscall(SYS_flock, log_fd, LOCK_UN);
    pthread_mutex_unlock(&one);
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length) {
        long done = syscall(SYS_write, log_fd, at, length);
        if (done <= 0) abort();
        at += done;
        length -= done;
    }
}

static void record(char op, int fd, long long offset, const void *first, size_t n, const char *second) {
    int process = syscall(SYS_getpid);
    struct head head = {{op, 0, 0, 0}, process, fd, (int)n, second ? (int)strlen(second) : 0, 0, offset};
    put(&head, sizeof head);
    put(first, n);
    if (second) put(second, head.second);
}

/* The absolute path; NULL if it is not below the root. */
static const char *below(int dir, const char *path, char *whole) {
    if (log_fd < 0 || !path) return NULL;
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
    } else {
        char base[PATH_MAX], link[64];
        if (dir == AT_FDCWD) {
            if (syscall(SYS_getcwd, base, sizeof base) < 0) return NULL;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
            ssize_t n = readlink(link, base, sizeof base - 1);
            if (n < 0) return NULL;
            base[n] = 0;
        }
        if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
    }
    if (strncmp(whole, root, root_length)) return NULL;
    return whole[root_length] == '/' || !whole[root_length] ? whole : NULL;
}

static int opened(int dir, const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX];
    const char *name = below(dir, path, whole);
    if (!name) return syscall(SYS_openat, dir, path, flags, mode);
    enter();
    int fd = syscall(SYS_openat, dir, path, flags, mode);
    int failed = errno;
    if (fd >= 0 && fd < MOST_FDS) {
        tracked[fd] = 1;
        appends[fd] = !!(flags & O_APPEND);
        record('O', fd, flags & (O_CREAT | O_TRUNC), name, strlen(name), NULL);
    }
    leave();
    errno = failed;
    return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); \
    mode = va_arg(more, mode_t); va_end(more); }
int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE return opened(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE return opened(dir, path, flags | O_LARGEFILE, mode); }
int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags | O_LARGEFILE, 0); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

static int is_tracked(int fd) { return log_fd >= 0 && fd >= 0 && fd < MOST_FDS && tracked[fd]; }

int close(int fd) {
    if (!is_tracked(fd)) return syscall(SYS_close, fd);
    enter();
    tracked[fd] = 0;
    record('C', fd, 0, "", 0, NULL);
    int result = syscall(SYS_close, fd);
    int failed = errno;
    leave();
    errno = failed;
    return result;
}

static long long place(int fd) {
    struct stat st;
    if (appends[fd] && !fstat(fd, &st)) return st.st_size;
    return syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!is_tracked(fd)) return syscall(SYS_write, fd, bytes, length);
    enter();
    long long at = place(fd);
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    int failed = errno;
    if (done > 0) record('W', fd, at, bytes, done, NULL);
    leave();
    errno = failed;
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_tracked(fd)) return syscall(SYS_writev, fd, parts, count);
    ssize_t whole = 0;
    for (int i = 0; i < count; i++) {
        if (!parts[i].iov_len) continue;
        ssize_t done = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (done < 0) return whole ? whole : done;
        whole += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return whole;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    if (!is_tracked(fd)) return syscall(SYS_pwrite64, fd, bytes, length, at);
    enter();
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, at);
    int failed = errno;
    if (done > 0) record('W', fd, at, bytes, done, NULL);
    leave();
    errno = failed;
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

static int on_fd(char op, long number, int fd, long long argument) {
    if (!is_tracked(fd)) return syscall(number, fd, argument);
    enter();
    int result = syscall(number, fd, argument);
    int failed = errno;
    if (!result) record(op, fd, argument, "", 0, NULL);
    leave();
    errno = failed;
    return result;
}
int fsync(int fd) { return on_fd('F', SYS_fsync, fd, 0); }
int fdatasync(int fd) { return on_fd('F', SYS_fdatasync, fd, 0); }
int ftruncate(int fd, off_t length) { return on_fd('T', SYS_ftruncate, fd, length); }
int ftruncate64(int fd, off64_t length) { return on_fd('T', SYS_ftruncate, fd, length); }

static int on_path(char op, int dir, const char *path, int flags, int (*call)(int, const char *, int)) {
    char whole[PATH_MAX];
    const char *name = below(dir, path, whole);
    if (!name) return call(dir, path, flags);
    enter();
    int result = call(dir, path, flags);
    int failed = errno;
    if (!result) record(op, -1, flags, name, strlen(name), NULL);
    leave();
    errno = failed;
    return result;
}
static int call_mkdir(int dir, const char *path, int mode) { return syscall(SYS_mkdirat, dir, path, mode); }
static int call_unlink(int dir, const char *path, int flags) { return syscall(SYS_unlinkat, dir, path, flags); }
int mkdir(const char *path, mode_t mode) { return on_path('D', AT_FDCWD, path, mode, call_mkdir); }
int mkdirat(int dir, const char *path, mode_t mode) { return on_path('D', dir, path, mode, call_mkdir); }
int unlink(const char *path) { return on_path('U', AT_FDCWD, path, 0, call_unlink); }
int unlinkat(int dir, const char *path, int flags) { return on_path('U', dir, path, flags, call_unlink); }
int rmdir(const char *path) { return on_path('U', AT_FDCWD, path, AT_REMOVEDIR, call_unlink); }
int remove(const char *path) { struct stat st; return !lstat(path, &st) && S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path); }

static int two(char op, long number, int dir, const char *path, int to_dir, const char *to, int flags) {
    char whole[PATH_MAX], to_whole[PATH_MAX];
    const char *name = below(dir, path, whole), *to_name = below(to_dir, to, to_whole);
    if (!name && !to_name) return syscall(number, dir, path, to_dir, to, flags);
    enter();
    int result = syscall(number, dir, path, to_dir, to, flags);
    int failed = errno;
    if (!result) record(op, -1, flags, name ? name : "", name ? strlen(name) : 0, to_name ? to_name : "");
    leave();
    errno = failed;
    return result;
}
int rename(const char *path, const char *to) { return two('R', SYS_renameat2, AT_FDCWD, path, AT_FDCWD, to, 0); }
int renameat(int dir, const char *path, int to_dir, const char *to) { return two('R', SYS_renameat2, dir, path, to_dir, to, 0); }
int renameat2(int dir, const char *path, int to_dir, const char *to, unsigned flags) { return two('R', SYS_renameat2, dir, path, to_dir, to, flags); }
int link(const char *path, const char *to) { return two('L', SYS_linkat, AT_FDCWD, path, AT_FDCWD, to, 0); }
int linkat(int dir, const char *path, int to_dir, const char *to, int flags) { return two('L', SYS_linkat, dir, path, to_dir, to, flags); }

/* Not modelled: a file below the root that is filled in this way is told, and the replay refuses it. */
ssize_t sendfile64(int to, int from, off64_t *at, size_t length) {
    if (is_tracked(to)) { errno = EINVAL; return -1; }
    return syscall(SYS_sendfile, to, from, at, length);
}
ssize_t sendfile(int to, int from, off_t *at, size_t length) { return sendfile64(to, from, at, length); }
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *to_at, size_t length, unsigned flags) {
    if (is_tracked(to)) { errno = EXDEV; return -1; }
    return syscall(SYS_copy_file_range, from, at, to, to_at, length, flags);
}
