#include "wire.hpp"
#include "writer.hpp"

namespace reeve::wire {

Result<void> encode(const Dictionary& root, object::Pieces& body, std::vector<object::Attachment>& attachments,
                    Envelope envelope) {
  Writer writer(body, attachments, envelope);
  writer.put(root);
  return writer.finish();
}

Result<Encoded> encode(const Dictionary& root, Envelope envelope) {
  Encoded out;
  REEVE_TRY(encode(root, out.body, out.attachments, envelope));
  return out;
}

}  // namespace reeve::wire
