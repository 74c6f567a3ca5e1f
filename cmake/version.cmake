# What this build is, for the catalog: commit, uncommitted diff, compiler, flags.
# Made anew at each build, written only when it changed.
add_custom_target(ridge_version BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/version.h
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUT=${CMAKE_BINARY_DIR}/generated
    -DVERSION=${PROJECT_VERSION} "-DCOMPILER=${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
    "-DFLAGS=${CMAKE_BUILD_TYPE} ${CMAKE_C_FLAGS_${CMAKE_BUILD_TYPE}} ${RIDGE_SANITIZE}"
    -P ${CMAKE_SOURCE_DIR}/cmake/write_version.cmake VERBATIM)
add_dependencies(ridge_host ridge_version)
target_include_directories(ridge_host PRIVATE ${CMAKE_BINARY_DIR}/generated)
target_compile_definitions(ridge_host PRIVATE
  RIDGE_PLUGIN_DIR="${CMAKE_INSTALL_FULL_LIBDIR}/ridge/plugins"
  RIDGE_DATA_DIR="${CMAKE_INSTALL_FULL_DATADIR}/ridge")
