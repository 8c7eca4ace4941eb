// rotary_embedding as a TensorFlow op.
#include "bind/tensorflow/common.h"

namespace {

using namespace pytransformers_tensorflow;

// The attributes of a node. Counts are 0 or 1: a list of that length stands for an optional tensor.
struct Attributes {
  int64_t keys = 0, positions = 0;
  unsigned char interleaved = 0, inverse = 0;
};

void* create(TF_OpKernelConstruction* node) {
  auto attributes = std::make_unique<Attributes>();
  Status status;
  TF_OpKernelConstruction_GetAttrInt64(node, "keys", &attributes->keys, status.raw);
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt64(node, "positions", &attributes->positions, status.raw);
  if (status.ok()) TF_OpKernelConstruction_GetAttrBool(node, "interleaved", &attributes->interleaved, status.raw);
  if (status.ok()) TF_OpKernelConstruction_GetAttrBool(node, "inverse", &attributes->inverse, status.raw);
  if (status.ok() && (attributes->keys > 1 || attributes->positions > 1)) {
    TF_SetStatus(status.raw, TF_INVALID_ARGUMENT, "[rotary_embedding] expected at most one key and one position_ids, "
                 "got more, pass [] or [tensor]");
  }
  if (!status.ok()) TF_OpKernelConstruction_Failure(node, status.raw);
  return attributes.release();
}

void compute(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor query = run.input(true), cos = run.input(true), sin = run.input(true), key = run.input(node.keys),
         positions = run.input(node.positions);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  Tensor query_out = run.output(true, query.type(), query.sizes());
  Tensor key_out = run.output(node.keys, query.type(), key.sizes());
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  run.finish(pytransformers_rotary_embedding(query.view(), key.view(), cos.view(), sin.view(), positions.view(),
                                             node.interleaved, node.inverse, query_out.view(), key_out.view(),
                                             pytransformers_thread_pool()));
}

// Results have the shapes of query and key. An output that this node does not have is refused, which is no error here.
void shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextWithRankAtLeast(context, shape, 4, shape, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
    Status ignored;
    TF_ShapeInferenceContextGetInput(context, 3, shape, ignored.raw);
    if (ignored.ok()) TF_ShapeInferenceContextSetOutput(context, 1, shape, ignored.raw);
  }
  TF_DeleteShapeHandle(shape);
}

[[maybe_unused]] const bool registered =
    register_op({"PytransformersRotaryEmbedding",
                 {"query: T", "cos: C", "sin: C", "key: keys * T", "position_ids: positions * P"},
                 {"query_out: T", "key_out: keys * T"},
                 {"keys: int >= 0", "positions: int >= 0", "interleaved: bool", "inverse: bool",
                  "T: {float, half, bfloat16}", "C: {float, half, bfloat16}", "P: {int32, int64} = DT_INT32"},
                 shapes, create, destroy<Attributes>, compute});

}  // namespace
