# @COMPILER@ for @DEVICE@.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER @COMPILER@)
find_program(CMAKE_SIZE @SIZE@)
set(CMAKE_C_FLAGS_INIT "@CORE@")
# The compiler is tried out without a program, which would need a linker script.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
