// LetterBatch: dead letters as the messages they were, to be taken again. Used
// by one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/dead_letters.h"
#include "ingest/decoder.h"
#include "ingest/ingestion.h"

namespace freshet {

// The letter that is wanted, with the event that was given in place of its own.
// Nothing, and a refusal in `outcome`, if it is not there or not whole.
Result<std::optional<DeadLetter>> wanted_letter(const MetadataStore& store,
                                                const std::string& dataset,
                                                const LetterReplay& wanted,
                                                ReplayOutcome& outcome);

class LetterBatch {
 public:
  void add(DeadLetter letter);
  bool empty() const { return letters_.empty(); }
  bool full() const;
  const std::vector<DeadLetter>& letters() const { return letters_; }
  // Whether the decoder that reads the letters here reads this one, too: they
  // come from one file, or none does.
  bool fits(const DeadLetter& letter) const;
  // The decoder of letters that come from a file; null of others. Errors: those
  // of make_record_decoder().
  Result<std::unique_ptr<Decoder>> record_decoder(DecoderSpec spec) const;

  // Views into this object, until the next add(). The names of partitions lie
  // where the messages say.
  void make_messages();
  const std::vector<RawMessage>& messages() const { return messages_; }
  const std::vector<PartitionName>& partitions() const { return partitions_; }

 private:
  std::vector<DeadLetter> letters_;
  size_t bytes_ = 0;
  std::vector<std::vector<MessageHeader>> headers_;
  std::vector<PartitionName> partitions_;
  std::vector<RawMessage> messages_;
};

}  // namespace freshet
