#include "core/error.h"

#include <cstdarg>
#include <cstdio>

namespace pytransformers {

static thread_local char message[512] = "";

pytransformers_status fail(pytransformers_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return status;
}

}  // namespace pytransformers

extern "C" const char* pytransformers_last_error(void) { return pytransformers::message; }
