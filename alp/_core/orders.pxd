# The orders of an account as a Python object; all that is fast is in order_store.

from alp._core.order_store cimport Orders

cdef class OrderTable:
    cdef Orders orders
    cdef int _place(self, object client_id) except -1
