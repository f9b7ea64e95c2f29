// One side of a burst over ZMQ PUB/SUB in C: the floor for the bus. The library is the very one that
// pyzmq brings, opened by its path; what is used of it is declared here.
//
// Usage: bus_floor send|receive ENDPOINT SHARED COUNT GAP_NS POLL CORE LIBRARY
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

static const int PUB = 1, SUB = 2, SUBSCRIBE = 6, SEND_HIGH_WATER = 23, RECEIVE_HIGH_WATER = 24;
static const int DONT_WAIT = 1, SIZE = 64, STAMP = 24, ROOM = 65536;

static int64_t now(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

template <typename F> static F *symbol(void *library, const char *name) {
    F *found = reinterpret_cast<F *>(dlsym(library, name));
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(3);
    }
    return found;
}

int main(int argc, char **argv) {
    if (argc < 9) return 2;
    bool sending = !strcmp(argv[1], "send");
    long count = atol(argv[4]), core = atol(argv[7]);
    int64_t gap = atoll(argv[5]);
    bool polling = atoi(argv[6]);
    if (core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(size_t(core), &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    void *library = dlopen(argv[8], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    auto *context_new = symbol<void *()>(library, "zmq_ctx_new");
    auto *socket_new = symbol<void *(void *, int)>(library, "zmq_socket");
    auto *set_option = symbol<int(void *, int, const void *, size_t)>(library, "zmq_setsockopt");
    auto *bind = symbol<int(void *, const char *)>(library, "zmq_bind");
    auto *connect = symbol<int(void *, const char *)>(library, "zmq_connect");
    auto *send = symbol<int(void *, const void *, size_t, int)>(library, "zmq_send");
    auto *receive = symbol<int(void *, void *, size_t, int)>(library, "zmq_recv");
    int file = open(argv[3], O_RDWR);
    auto *shared = static_cast<int64_t *>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    if (shared == MAP_FAILED) return 3;
    void *socket = socket_new(context_new(), sending ? PUB : SUB);
    int high_water = 100000;
    set_option(socket, sending ? SEND_HIGH_WATER : RECEIVE_HIGH_WATER, &high_water, sizeof(int));
    if (sending) {
        alignas(64) char message[SIZE] = {};
        if (bind(socket, argv[2])) return 4;
        while (!__atomic_load_n(&shared[0], __ATOMIC_ACQUIRE)) usleep(1000);
        usleep(300000);
        for (long i = 0; i < count; i++) {
            while (__atomic_load_n(&shared[1], __ATOMIC_ACQUIRE) < i) sched_yield();
            int64_t due = now(CLOCK_MONOTONIC) + gap;
            while (now(CLOCK_MONOTONIC) < due) {}
            int64_t stamp = now(CLOCK_REALTIME);
            memcpy(message + STAMP, &stamp, sizeof stamp);
            if (send(socket, message, SIZE, DONT_WAIT) < 0) return 5;
        }
        while (__atomic_load_n(&shared[1], __ATOMIC_ACQUIRE) < count) usleep(1000);
        _exit(0);
    }
    std::vector<int64_t> latencies;
    std::vector<char> room(ROOM);
    set_option(socket, SUBSCRIBE, "", 0);
    if (connect(socket, argv[2])) return 4;
    __atomic_store_n(&shared[0], 1, __ATOMIC_RELEASE);
    while (long(latencies.size()) < count) {
        if (receive(socket, room.data(), ROOM, polling ? DONT_WAIT : 0) < 0) continue;
        int64_t stamp;
        memcpy(&stamp, room.data() + STAMP, sizeof stamp);
        latencies.push_back(now(CLOCK_REALTIME) - stamp);
        __atomic_store_n(&shared[1], int64_t(latencies.size()), __ATOMIC_RELEASE);
    }
    std::sort(latencies.begin() + count / 20, latencies.end());
    long first = count / 20, rest = count - first;
    printf("{\"p50\":%lld,\"p99\":%lld}\n", (long long)latencies[size_t(first + rest / 2)],
           (long long)latencies[size_t(first + rest * 99 / 100)]);
    fflush(stdout);
    _exit(0);
}
