// attention as TensorFlow ops. Tensors are dense: (batch, heads, length, width), or with `by_position` query, dout, out
// and their gradients as (batch, length, heads, width), and key and value too unless `keys_by_head`.
#include <algorithm>

#include "bind/tensorflow/common.h"

namespace {

using namespace pytransformers_tensorflow;

// The attributes of a node. Counts are 0 or 1: a list of that length stands for an optional tensor.
struct Attributes {
  float scale = 0, soft_cap = 0, dropout = 0;
  int64_t window_left = -1, window_right = -1;
  int64_t masks = 0, biases = 0, slopes = 0, offsets = 0, seeds = 0;
  unsigned char causal = 0, by_position = 0, keys_by_head = 0;
};

void* create(TF_OpKernelConstruction* node) {
  auto attributes = std::make_unique<Attributes>();
  Status status;
  const auto read_float = [&](const char* name, float* value) {
    if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(node, name, value, status.raw);
  };
  const auto read_bool = [&](const char* name, unsigned char* value) {
    if (status.ok()) TF_OpKernelConstruction_GetAttrBool(node, name, value, status.raw);
  };
  const auto read_int = [&](const char* name, int64_t* value) {
    if (status.ok()) TF_OpKernelConstruction_GetAttrInt64(node, name, value, status.raw);
  };
  const auto read_count = [&](const char* name, int64_t* value) {
    read_int(name, value);
    if (status.ok() && *value > 1) {
      TF_SetStatus(status.raw, TF_INVALID_ARGUMENT,
                   "[attention] expected at most one tensor in each optional list, got more, pass [] or [tensor]");
    }
  };
  read_float("scale", &attributes->scale);
  read_float("soft_cap", &attributes->soft_cap);
  read_float("dropout", &attributes->dropout);
  read_int("window_left", &attributes->window_left);
  read_int("window_right", &attributes->window_right);
  read_bool("causal", &attributes->causal);
  read_bool("by_position", &attributes->by_position);
  read_bool("keys_by_head", &attributes->keys_by_head);
  read_count("masks", &attributes->masks);
  read_count("biases", &attributes->biases);
  read_count("slopes", &attributes->slopes);
  read_count("offsets", &attributes->offsets);
  read_count("seeds", &attributes->seeds);
  if (!status.ok()) TF_OpKernelConstruction_Failure(node, status.raw);
  return attributes.release();
}

// A tensor as the kernel wants it, (batch, heads, length, width), by its strides.
class ByHead {
 public:
  ByHead(Tensor& tensor, bool by_position) {
    const pytransformers_tensor* dense = tensor.view();
    if (dense == nullptr) return;
    view_ = *dense;
    present_ = true;
    if (!by_position || view_.rank != 4) return;
    const std::vector<int64_t>& sizes = tensor.sizes();
    const int64_t position = sizes[2] * sizes[3];
    const int64_t swapped[] = {sizes[0], sizes[2], sizes[1], sizes[3]};
    const int64_t strides[] = {sizes[1] * position, sizes[3], position, 1};
    std::copy_n(swapped, 4, sizes_);
    std::copy_n(strides, 4, strides_);
    view_.sizes = sizes_;
    view_.strides = strides_;
  }
  ByHead(const ByHead&) = delete;

  const pytransformers_tensor* get() const { return present_ ? &view_ : nullptr; }

 private:
  int64_t sizes_[4] = {}, strides_[4] = {};
  pytransformers_tensor view_ = {};
  bool present_ = false;
};

// The inputs that follow query, key and value, in their order.
struct Options {
  Options(Run& run, const Attributes& node)
      : mask(run.input(node.masks)), bias(run.input(node.biases)), slopes(run.input(node.slopes)),
        query_offsets(run.input(node.offsets)), key_offsets(run.input(node.offsets)), seed(run.input(node.seeds)) {
    if (!run.ok()) return;
    raw.mask = mask.view();
    raw.bias = bias.view();
    raw.alibi_slopes = slopes.view();
    raw.query_offsets = query_offsets.view();
    raw.key_offsets = key_offsets.view();
    raw.scale = node.scale;
    raw.soft_cap = node.soft_cap;
    raw.dropout = node.dropout;
    raw.window_left = node.window_left;
    raw.window_right = node.window_right;
    raw.causal = node.causal;
    const pytransformers_tensor* words = seed.view();
    if (words == nullptr) return;
    if (words->rank != 1 || words->sizes[0] != 2) {
      run.refuse("[attention] expected a seed of two numbers, got another shape, pass two");
      return;
    }
    const uint64_t* drawn = static_cast<const uint64_t*>(words->data);
    raw.dropout_seed = (drawn[0] << 32) ^ drawn[1];
  }

  Tensor mask, bias, slopes, query_offsets, key_offsets, seed;
  pytransformers_attention_options raw = {};
};

// (batch, heads, length, width) in the layout of the node.
std::vector<int64_t> laid_out(int64_t batch, int64_t heads, int64_t length, int64_t width, bool by_position) {
  return by_position ? std::vector<int64_t>{batch, length, heads, width}
                     : std::vector<int64_t>{batch, heads, length, width};
}

void forward(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor query = run.input(true), key = run.input(true), value = run.input(true);
  Options options(run, node);
  if (run.ok() && (query.sizes().size() != 4 || value.sizes().size() != 4)) {
    run.refuse("[attention] expected query and value of 4 dimensions (batch, heads, length, width), got others, reshape "
               "them");
  }
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  const bool keys_by_position = node.by_position && !node.keys_by_head;
  const ByHead query_(query, node.by_position), key_(key, keys_by_position), value_(value, keys_by_position);
  const int64_t* sizes = query_.get()->sizes;
  Tensor out = run.output(true, query.type(),
                          laid_out(sizes[0], sizes[1], sizes[2], value_.get()->sizes[3], node.by_position));
  Tensor lse = run.output(true, TF_FLOAT, {sizes[0], sizes[1], sizes[2]});
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  const ByHead out_(out, node.by_position);
  run.finish(pytransformers_attention(query_.get(), key_.get(), value_.get(), &options.raw, out_.get(), lse.view(),
                                      pytransformers_thread_pool()));
}

void backward(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor query = run.input(true), key = run.input(true), value = run.input(true);
  Options options(run, node);
  Tensor dout = run.input(true), out = run.input(true), lse = run.input(true);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  Tensor dquery = run.output(true, query.type(), query.sizes()), dkey = run.output(true, key.type(), key.sizes()),
         dvalue = run.output(true, value.type(), value.sizes());
  Tensor dbias = node.biases ? run.output(true, options.bias.type(), options.bias.sizes()) : Tensor();
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  const bool by_position = node.by_position, keys_by_position = by_position && !node.keys_by_head;
  const ByHead query_(query, by_position), key_(key, keys_by_position), value_(value, keys_by_position),
      dout_(dout, by_position), out_(out, by_position), dquery_(dquery, by_position), dkey_(dkey, keys_by_position),
      dvalue_(dvalue, keys_by_position);
  run.finish(pytransformers_attention_backward(dout_.get(), query_.get(), key_.get(), value_.get(), out_.get(),
                                               lse.view(), &options.raw, dquery_.get(), dkey_.get(), dvalue_.get(),
                                               dbias.view(), pytransformers_thread_pool()));
}

// out is the query but for the value's width; lse is left open, as only the gradient sees it.
void forward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle *query = TF_NewShapeHandle(), *value = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, 0, query, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextWithRank(context, query, 4, query, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextGetInput(context, 2, value, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextWithRank(context, value, 4, value, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSubshape(context, query, 0, 3, query, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSubshape(context, value, 3, 4, value, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextConcatenateShapes(context, query, value, query, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, query, status);
  TF_DeleteShapeHandle(value);
  TF_DeleteShapeHandle(query);
}

// The gradients have the shapes of what they are gradients of.
void backward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  for (int i = 0; i < 3 && TF_GetCode(status) == TF_OK; ++i) {
    TF_ShapeInferenceContextGetInput(context, i, shape, status);
    if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, i, shape, status);
  }
  TF_DeleteShapeHandle(shape);
}

#define OPTION_INPUTS                                                                                             \
  "mask: masks * bool", "bias: biases * B", "alibi_slopes: slopes * float", "query_offsets: offsets * int32",     \
      "key_offsets: offsets * int32", "seed: seeds * int64"
#define OPTION_ATTRIBUTES                                                                                         \
  "scale: float", "soft_cap: float = 0", "dropout: float = 0", "window_left: int = -1", "window_right: int = -1", \
      "causal: bool = false", "by_position: bool = false", "keys_by_head: bool = false", "masks: int >= 0",       \
      "biases: int >= 0", "slopes: int >= 0", "offsets: int >= 0", "seeds: int >= 0",                             \
      "T: {float, half, bfloat16}", "B: {float, half, bfloat16} = DT_FLOAT"

[[maybe_unused]] const bool registered =
    register_op({"PytransformersAttention",
                 {"query: T", "key: T", "value: T", OPTION_INPUTS},
                 {"out: T", "lse: float"},
                 {OPTION_ATTRIBUTES},
                 forward_shapes, create, destroy<Attributes>, forward}) &&
    register_op({"PytransformersAttentionGrad",
                 {"query: T", "key: T", "value: T", OPTION_INPUTS, "dout: T", "out: T", "lse: float"},
                 {"dquery: T", "dkey: T", "dvalue: T", "dbias: biases * B"},
                 {OPTION_ATTRIBUTES},
                 backward_shapes, create, destroy<Attributes>, backward});

}  // namespace
