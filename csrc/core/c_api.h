// The C interface of the kernel library: the only thing a binding includes.
// No framework, Python or C++ type crosses it. Every function checks its arguments before it touches memory,
// returns a pytransformers_status and leaves the reason of a failure in pytransformers_last_error().
#pragma once

#include <stdint.h>

#define PYTRANSFORMERS_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PYTRANSFORMERS_OK = 0,
  PYTRANSFORMERS_INVALID_ARGUMENT = 1,
  PYTRANSFORMERS_OUT_OF_MEMORY = 2,
} pytransformers_status;

typedef enum {
  PYTRANSFORMERS_FLOAT32 = 0,
  PYTRANSFORMERS_FLOAT16 = 1,
  PYTRANSFORMERS_BFLOAT16 = 2,
  PYTRANSFORMERS_OTHER = 3,  // what a binding passes for a dtype that no kernel takes
} pytransformers_dtype;

// A borrowed view. Strides count elements; NULL strides mean row-major and dense.
typedef struct {
  void* data;
  const int64_t* sizes;
  const int64_t* strides;
  int32_t rank;
  int32_t dtype;
} pytransformers_tensor;

// The host's threads. `parallel_for` calls `task(begin, end, context)` over disjoint ranges that cover [0, count),
// each of at least `grain` indices but the last, and returns when all are done. NULL means: run in this thread.
typedef void (*pytransformers_task)(int64_t begin, int64_t end, void* context);
typedef struct {
  void (*parallel_for)(void* host, int64_t count, int64_t grain, pytransformers_task task, void* context);
  void* host;
} pytransformers_parallel;

// The message of the last failure in this thread.
PYTRANSFORMERS_EXPORT const char* pytransformers_last_error(void);

// "baseline", "avx2" or "avx512": what the kernels run on. The setter takes any that this processor has.
PYTRANSFORMERS_EXPORT const char* pytransformers_instruction_set(void);
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_set_instruction_set(const char* name);

// A small thread pool for hosts that offer none (TensorFlow's C API, NumPy). Started at first use.
PYTRANSFORMERS_EXPORT const pytransformers_parallel* pytransformers_thread_pool(void);

// y = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias over the last dimension, with s = x + residual.
// x, residual, y, sum: (..., d) of one dtype, unit stride in the last dimension. weight, bias: (d,) dense, of x's dtype
// or float32, both of one dtype. NULL leaves out residual, weight or bias; `sum` receives s, exactly when residual is
// given. Sums are float32 whatever the dtype. (Ba, Kiros, Hinton 2016.)
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_layer_norm(
    const pytransformers_tensor* x, const pytransformers_tensor* residual, const pytransformers_tensor* weight,
    const pytransformers_tensor* bias, double eps, const pytransformers_tensor* y, const pytransformers_tensor* sum,
    const pytransformers_parallel* parallel);

// Gradients of the above. x is what was normalised (s where there was a residual); dsum, or NULL, is the gradient that
// arrived at s from elsewhere and is added to dx. NULL dweight or dbias is not computed; they have the weights' dtype.
// Results do not depend on the number of threads.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_layer_norm_backward(
    const pytransformers_tensor* dy, const pytransformers_tensor* dsum, const pytransformers_tensor* x,
    const pytransformers_tensor* weight, double eps, const pytransformers_tensor* dx,
    const pytransformers_tensor* dweight, const pytransformers_tensor* dbias, const pytransformers_parallel* parallel);

// y = s / sqrt(mean(s * s) + eps) * weight. (Zhang, Sennrich 2019.) Arguments as for layer_norm.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_rms_norm(
    const pytransformers_tensor* x, const pytransformers_tensor* residual, const pytransformers_tensor* weight,
    double eps, const pytransformers_tensor* y, const pytransformers_tensor* sum,
    const pytransformers_parallel* parallel);

PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_rms_norm_backward(
    const pytransformers_tensor* dy, const pytransformers_tensor* dsum, const pytransformers_tensor* x,
    const pytransformers_tensor* weight, double eps, const pytransformers_tensor* dx,
    const pytransformers_tensor* dweight, const pytransformers_parallel* parallel);

// y = x W^T + bias in float32, fast for few rows of x. x: (..., k) whose rows lie at one distance; weight: (n, k), rows
// at one distance; bias: (n,) dense, or NULL; y: (..., n) likewise.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_linear(
    const pytransformers_tensor* x, const pytransformers_tensor* weight, const pytransformers_tensor* bias,
    const pytransformers_tensor* y, const pytransformers_parallel* parallel);

#ifdef __cplusplus
}
#endif
