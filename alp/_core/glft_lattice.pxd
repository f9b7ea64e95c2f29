# The stationary state on the inventory lattice -n..n.

# Writes `ln v` at its `2 * levels + 1` points, 0 in the middle, and returns the energy.
cdef double lattice_log_values(
    Py_ssize_t levels, double stiffness, double* log_values
) noexcept nogil
