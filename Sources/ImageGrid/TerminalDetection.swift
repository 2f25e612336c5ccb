/// What a terminal can show, told by the variables that terminals set for this purpose.
enum TerminalDetection {
  static func method(_ environment: [String: String]) -> TerminalPreview.Method? {
    let term = environment["TERM"] ?? ""
    let program = environment["TERM_PROGRAM"] ?? ""
    guard !term.isEmpty, term != "dumb" else { return nil }
    // A multiplexer passes no graphics through unless told to.
    let isMultiplexed =
      environment["TMUX"] != nil || environment["STY"] != nil || term.hasPrefix("screen")
      || term.hasPrefix("tmux")
    if !isMultiplexed {
      if environment["KITTY_WINDOW_ID"] != nil || ["xterm-kitty", "xterm-ghostty"].contains(term)
        || program == "ghostty"
      {
        return .kitty
      }
      if ["iTerm.app", "WezTerm", "mintty"].contains(program) || environment["LC_TERMINAL"] == "iTerm2" {
        return .iTerm2
      }
      if term.hasPrefix("foot") || term.hasPrefix("mlterm") || term.hasPrefix("contour")
        || term.contains("sixel")
      {
        return .sixel
      }
    }
    if let noColor = environment["NO_COLOR"], !noColor.isEmpty { return nil }
    let colours = environment["COLORTERM"] ?? ""
    if colours == "truecolor" || colours == "24bit" || term.hasSuffix("-direct") { return .halfBlocks }
    return term.contains("256color") ? .halfBlocks256 : nil
  }
}
