// libFuzzer's entry points: an embedded Python imports the compiled feeds once, and every input then
// goes to a C function of tests/fuzz/target.pyx.
#include <Python.h>

#include <cstdint>
#include <cstdlib>

static void (*take_input)(const char *, Py_ssize_t);

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
    Py_InitializeEx(0);
    PyObject *target = PyImport_ImportModule("target");
    PyObject *address =
        target ? PyObject_CallMethod(target, "prepare", "s", getenv("ALP_FUZZ_VENUE")) : nullptr;
    if (!address) {
        PyErr_Print();
        exit(2);
    }
    take_input = reinterpret_cast<void (*)(const char *, Py_ssize_t)>(PyLong_AsSize_t(address));
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    take_input(reinterpret_cast<const char *>(data), Py_ssize_t(size));
    return 0;
}
