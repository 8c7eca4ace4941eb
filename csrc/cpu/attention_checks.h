// The checks of a call of attention, and the call as its kernels see it.
#pragma once

#include <vector>

#include "core/c_api.h"
#include "cpu/attention.h"

namespace pytransformers {

// Fills `call` and `sequences`, which it points to. `op` is what messages begin with.
pytransformers_status check_attention(const char* op, const pytransformers_tensor* query,
                                      const pytransformers_tensor* key, const pytransformers_tensor* value,
                                      const pytransformers_attention_options* options, const pytransformers_tensor* out,
                                      const pytransformers_tensor* lse, AttentionCall& call,
                                      std::vector<AttentionSequence>& sequences);

// A tensor of `like`'s shape and dtype.
pytransformers_status check_attention_like(const char* op, const char* name, const pytransformers_tensor* tensor,
                                           const char* like_name, const pytransformers_tensor& like, Strided& strided);

// dbias: dense, of bias's sizes and dtype.
pytransformers_status check_bias_gradient(const char* op, const pytransformers_tensor& dbias,
                                          const pytransformers_tensor* bias);

}  // namespace pytransformers
