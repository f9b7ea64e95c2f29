// One side of bursts over ZMQ PUB/SUB in C: the floor for the bus. The library is the very one that
// pyzmq brings, opened by its path; what is used of it is declared here. The shared memory holds
// whether the receiver is ready, messages received, bursts to begin and bursts done.
//
// Usage: bus_floor send|receive ENDPOINT SHARED BURSTS COUNT GAP_NS POLL CORE LIBRARY
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

static int64_t *shared;

static int64_t load(int at) { return __atomic_load_n(&shared[at], __ATOMIC_ACQUIRE); }

static void store(int at, int64_t value) { __atomic_store_n(&shared[at], value, __ATOMIC_RELEASE); }

static void wait_for(int at, int64_t least) {
    while (load(at) < least) usleep(2000);
}

static void print(const char *name, const std::vector<int64_t> &values, const char *end) {
    printf("\"%s\":[", name);
    for (size_t i = 0; i < values.size(); i++)
        printf(i ? ",%lld" : "%lld", (long long)values[i]);
    printf("]%s", end);
}

int main(int argc, char **argv) {
    if (argc < 10) return 2;
    bool sending = !strcmp(argv[1], "send");
    long bursts = atol(argv[4]), count = atol(argv[5]), core = atol(argv[8]);
    int64_t gap = atoll(argv[6]);
    bool polling = atoi(argv[7]);
    if (core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(size_t(core), &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    void *library = dlopen(argv[9], RTLD_NOW);
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
    shared = static_cast<int64_t *>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    if (shared == MAP_FAILED) return 3;
    void *socket = socket_new(context_new(), sending ? PUB : SUB);
    int high_water = 100000;
    set_option(socket, sending ? SEND_HIGH_WATER : RECEIVE_HIGH_WATER, &high_water, sizeof(int));
    if (sending) {
        alignas(64) char message[SIZE] = {};
        if (bind(socket, argv[2])) return 4;
        for (long burst = 0; burst < bursts; burst++) {
            wait_for(2, burst + 1);
            for (long i = burst * count; i < (burst + 1) * count; i++) {
                int64_t due = now(CLOCK_MONOTONIC) + gap;
                while (now(CLOCK_MONOTONIC) < due || load(1) < i) sched_yield();
                int64_t stamp = now(CLOCK_REALTIME);
                memcpy(message + STAMP, &stamp, sizeof stamp);
                if (send(socket, message, SIZE, DONT_WAIT) < 0) return 5;
            }
        }
        wait_for(3, bursts);
        _exit(0);
    }
    std::vector<int64_t> p50, p99;
    std::vector<char> room(ROOM);
    set_option(socket, SUBSCRIBE, "", 0);
    if (connect(socket, argv[2])) return 4;
    store(0, 1);
    for (long burst = 0; burst < bursts; burst++) {
        std::vector<int64_t> latencies;
        wait_for(2, burst + 1);
        while (long(latencies.size()) < count) {
            if (receive(socket, room.data(), ROOM, polling ? DONT_WAIT : 0) < 0) continue;
            int64_t stamp;
            memcpy(&stamp, room.data() + STAMP, sizeof stamp);
            latencies.push_back(now(CLOCK_REALTIME) - stamp);
            store(1, burst * count + int64_t(latencies.size()));
        }
        long first = count / 20, rest = count - first;
        std::sort(latencies.begin() + first, latencies.end());
        p50.push_back(latencies[size_t(first + rest / 2)]);
        p99.push_back(latencies[size_t(first + rest * 99 / 100)]);
        store(3, burst + 1);
    }
    printf("{");
    print("p50", p50, ",");
    print("p99", p99, "}\n");
    fflush(stdout);
    _exit(0);
}
