// rms_norm for every pair of dtypes. Compiled once per instruction set.
#include "cpu/norm_rows.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

extern NormTable rms_norm_kernels = NORM_TABLE(false);

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
