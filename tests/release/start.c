/* The start program of a netprobe that brings its own interpreter and C library, so that it needs nothing of the host.
 *
 * It executes  LIB/netprobe --library-path LIB LIB/python3.11 LIB/boot.py ARGUMENTS,  where LIB/netprobe is the dynamic
 * loader under a name that says in ps what is running. There are two forms of this one program:
 *   - in a tree (deb, rpm, container): LIB is the folder lib beside this file;
 *   - as one file: a gzipped tar of that tree follows this program, and is unpacked once into a cache folder.
 * Unpacking is safe: a version's folder is named by the digest of the tar and appears under that name by a rename, when
 * it is complete; a cache that somebody else could write to is never used; whoever runs holds a shared lock, so that
 * cleaning up (boot.py) spares the folder. /proc is not needed: AT_EXECFN names the executed file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

/* The end of the file where a tar follows: what it is, the digest of the tar, and (octal) where it begins. */
static struct trailer { char magic[16], digest[32], offset[16]; } end;
static char *reasons = ""; /* why each cache folder could not be used, for one message at the end */

static char *text(const char *format, ...) { /* never freed: this process is about to become another one */
    char *made;
    va_list values;
    va_start(values, format);
    return vasprintf(&made, format, values) < 0 ? abort(), made : made;
}

static int refuse(const char *folder, const char *why) {
    return reasons = text("%s\n  %s: %s", reasons, folder, why), -1;
}

/* Whether only we and root can write to a folder and to everything above it (a sticky folder such as /tmp is safe). */
static int is_ours(const char *folder) {
    struct stat found;
    if (lstat(folder, &found) || !S_ISDIR(found.st_mode) || found.st_uid != geteuid() || found.st_mode & 022)
        return 0;
    char *path = text("%s", folder), *slash;
    while ((slash = strrchr(path, '/')) != NULL) {
        *slash = 0;
        if (stat(*path ? path : "/", &found) || (found.st_uid != 0 && found.st_uid != geteuid()) ||
            (found.st_mode & 022 && !(found.st_mode & S_ISVTX)))
            return 0;
    }
    return 1;
}

static long octal(const char *field, int size) { return strtol(text("%.*s", size, field), NULL, 8); }

/* Unpack a tar of folders and files (the build writes nothing else) into a new folder, to the end, where its CRC is. */
static int unpack(gzFile in, const char *folder) {
    static char head[512], data[1 << 16];
    while (gzread(in, head, sizeof head) == sizeof head && *head) {
        char *path = text("%s/%.100s", folder, head);
        if (head[156] == '5') {
            if (mkdir(path, 0700))
                return -1;
            continue;
        }
        int out = open(path, O_WRONLY | O_CREAT | O_EXCL, octal(head + 100, 8) & 0755);
        long left = octal(head + 124, 12), part;
        for (; out >= 0 && left > 0; left -= part) {
            part = left < (long)sizeof data ? left : (long)sizeof data;
            if (gzread(in, data, (part + 511) / 512 * 512) < part || write(out, data, part) != part)
                break;
        }
        if (out < 0 || close(out) || left > 0)
            return errno = errno ? errno : EIO, -1;
    }
    int rest; /* below 0 where the CRC is wrong: changed on its way; gzclose tells what is cut off */
    while ((rest = gzread(in, data, sizeof data)) > 0) continue;
    return errno = EIO, gzclose(in) == Z_OK && rest == 0 && !*head ? 0 : -1;
}

static int drop(const char *path, const struct stat *, int, struct FTW *) { return remove(path); }

/* Make sure that cache/digest is there, and name it; -1, with the reason kept, where this cache cannot be used. */
static int provide(const char *self, const char *cache, char **folder) {
    struct statvfs system;
    mkdir(text("%.*s", (int)(strrchr(cache, '/') - cache), cache), 0700); /* ~/.cache may be missing */
    if (mkdir(cache, 0700) && errno != EEXIST)
        return refuse(cache, strerror(errno));
    if (!is_ours(cache))
        return refuse(cache, "another user could write there");
    if (!statvfs(cache, &system) && system.f_flag & ST_NOEXEC)
        return refuse(cache, "programs may not be run from there (noexec)");
    *folder = text("%s/%.32s", cache, end.digest);
    if (!access(*folder, X_OK))
        return 0;
    char *fresh = mkdtemp(text("%s/.new-XXXXXX", cache));
    if (!fresh)
        return refuse(cache, strerror(errno));
    int lock = open(text("%s/lock", fresh), O_RDWR | O_CREAT, 0600), file = open(self, O_RDONLY);
    gzFile in = file < 0 || lseek(file, octal(end.offset, 16), SEEK_SET) < 0 ? NULL : gzdopen(file, "rb");
    int failed = lock < 0 || flock(lock, LOCK_EX) || !in || (errno = 0, unpack(in, fresh)) || syncfs(lock);
    if (!failed && rename(fresh, *folder)) /* else another first start was faster, and just as good */
        failed = access(*folder, X_OK);
    char *reason = strerror(errno);
    nftw(fresh, drop, 8, FTW_DEPTH | FTW_PHYS);
    close(lock);
    setenv("NETPROBE_UNPACKED", cache, 1); /* boot.py clears away what nobody runs any more */
    return failed ? refuse(cache, reason) : 0;
}

/* Hold the folder while this process and those that it forks live; 0 where it was cleared away in the meantime. */
static int hold(const char *lock) {
    int held = open(lock, O_RDONLY);
    return held >= 0 && !flock(held, LOCK_SH) && !access(lock, F_OK);
}

static char *unpacked(const char *self) {
    const char *own = getenv("NETPROBE_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder, *caches[] = {text("%s", own ? own : ""), xdg ? text("%s/netprobe", xdg) : "",
        home ? text("%s/.cache/netprobe", home) : "", text("/var/tmp/netprobe-%d", geteuid()),
        text("/tmp/netprobe-%d", geteuid())};
    for (int i = 0; i < 5; i++)
        for (int attempt = 0; *caches[i] == '/' && attempt < 3 && !provide(self, caches[i], &folder); attempt++)
            if (hold(text("%s/lock", folder)))
                return folder;
    fprintf(stderr, "netprobe: nowhere to unpack to; name a folder of yours in NETPROBE_CACHE:%s\n", reasons);
    exit(2);
}

int main(int argc, char **argv) {
    char *self = realpath((const char *)getauxval(AT_EXECFN), NULL), *folder;
    int file = self ? open(self, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return perror("netprobe: its own file cannot be read"), 2;
    int known = lseek(file, -(off_t)sizeof end, SEEK_END) > 0 && read(file, &end, sizeof end) == sizeof end;
    known = known && !memcmp(end.magic, "netprobe-payload", sizeof end.magic);
    folder = known ? unpacked(self) : text("%.*s", (int)(strrchr(self, '/') - self), self);
    char *lib = text("%s/lib", folder), *python = text("%s/python3.11", lib), *loader = text("%s/netprobe", lib);
    char *boot = text("%s/boot.py", lib);
    char *head[] = {loader, "--inhibit-cache", "--library-path", lib, "--argv0", python, python, boot};
    char **all = calloc(argc + 9, sizeof *all);
    memcpy(all, head, sizeof head);
    memcpy(all + 8, argv + 1, argc * sizeof *argv); /* the NULL at its end too */
    unsetenv("LD_PRELOAD"), unsetenv("LD_LIBRARY_PATH"); /* made for the host's C library */
    execv(loader, all);
    return fprintf(stderr, "netprobe: %s: %s; is the download complete?\n", loader, strerror(errno)), 2;
}
