/// How much of a client's stream is kept while its SQL is read, in bytes.
struct ReadingLimits {
  /// Messages up to this length are collected whole, so that most texts without the word are never lexed.
  var collected = 64 << 10
  /// Nothing longer than this is held back: text with a longer word, comment or clause passes on unread.
  var held = 1 << 20
}
