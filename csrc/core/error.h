// One way to fail: format a message into this thread's slot and return the status.
#pragma once

#include "core/c_api.h"

namespace pytransformers {

__attribute__((format(printf, 2, 3)))
pytransformers_status fail(pytransformers_status status, const char* format, ...);

}  // namespace pytransformers
