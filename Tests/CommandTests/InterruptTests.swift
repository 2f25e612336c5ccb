import Foundation
import TestSupport
import Testing

/// One Ctrl-C ends every command within two seconds with one line that is true of it; a second one ends it at once.
@Suite struct InterruptTests {
  /// Listens and never answers, as a server behind a dead network does.
  private static let silent = """
    import socket,sys,time
    s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(8); print(s.getsockname()[1],flush=True)
    c=s.accept(); print('accepted',flush=True); time.sleep(60)
    """

  /// Starts a command against the silent server, sends the signals, and gives its end: `CODE` and what it said.
  private func interrupt(_ words: String, signals: Int) async throws -> Finished {
    let script = """
      python3 -c "$2" > "$3/port" & silent=$!
      while ! [ -s "$3/port" ]; do sleep 0.05; done
      DATABASE_URL="postgresql://me@127.0.0.1:$(head -n 1 "$3/port")/x?connect_timeout=50" "$0" $1 > "$3/out" 2> "$3/err" & pid=$!
      while ! grep -q accepted "$3/port"; do sleep 0.05; done
      start=$(date +%s%N)
      for _ in $(seq \(signals)); do kill -INT $pid; sleep 0.2; done
      wait $pid; code=$?
      echo $(( ($(date +%s%N) - start) / 1000000 ))
      kill $silent
      cat "$3/err" >&2
      exit $code
      """
    return try await withTemporaryFolder { folder in
      try await Program.run(
        "/bin/bash",
        ["-c", script, Program.adbvec, words, Self.silent, folder],
        environment: ["ADBVEC_MIGRATIONS": Environment.package + "/migrations"]
      )
    }
  }

  @Test(arguments: [
    ("search --id 1", "interrupted"),
    ("migrate up", "interrupted; 'adbvec migrate status' shows what is applied"),
    ("migrate status", "interrupted"), ("doctor", "interrupted"), ("serve --port 0", "interrupted"),
    ("sql query --id 1", "interrupted"), ("sql query --id 1 --explain", "interrupted"),
    ("migrate plan", "interrupted"), ("migrate validate", "interrupted"), ("migrate wait", "interrupted"),
    ("migrate dump", "interrupted"),
    ("migrate down", "interrupted; 'adbvec migrate status' shows what is applied"),
    ("migrate redo", "interrupted; 'adbvec migrate status' shows what is applied"),
    ("migrate baseline 1", "interrupted; 'adbvec migrate status' shows what is applied"),
    ("load /dev/null --input-format features", "interrupted; committed batches stay"),
    ("unload x.npy", "interrupted; x.npy was not written"),
  ])
  func oneInterruptEndsTheCommand(_ words: String, _ line: String) async throws {
    let finished = try await interrupt(words, signals: 1)
    #expect(finished.exitCode == 130, "\(words): \(finished.error)")
    #expect(finished.errorLines.count == 1 && finished.error.contains(line), "\(words): \(finished.error)")
  }

  @Test func aSecondInterruptIsNotSilent() async throws {
    let finished = try await interrupt("migrate up", signals: 2)
    #expect(finished.exitCode == 130 && finished.errorLines.count == 1)
    #expect(finished.error.contains("interrupted; 'adbvec migrate status' shows what is applied"))
  }

  /// Ctrl-\ ends a command too, and its statement with it.
  @Test func aQuitSignalEndsTheCommand() async throws {
    let script = """
      import os,signal,subprocess,sys,time
      s=subprocess.Popen([sys.executable,'-c',sys.argv[2]],stdout=subprocess.PIPE,text=True); port=s.stdout.readline().strip()
      p=subprocess.Popen([sys.argv[1],'search','--id','1','--database-url',f'postgresql://me@127.0.0.1:{port}/x?connect_timeout=50'],
        stderr=subprocess.PIPE,text=True,preexec_fn=lambda: signal.signal(signal.SIGQUIT,signal.SIG_DFL))
      s.stdout.readline(); time.sleep(1); p.send_signal(signal.SIGQUIT); code=p.wait(); sys.stderr.write(p.stderr.read()); s.kill(); sys.exit(code)
      """
    let finished = try await Program.run(
      "/usr/bin/env",
      ["python3", "-c", script, Program.adbvec, Self.silent]
    )
    // 253: the signal itself, where it came before its handler.
    #expect([130, 131, 253].contains(finished.exitCode), "\(finished)")
    #expect(finished.error == (finished.exitCode == 253 ? "" : "error: interrupted\n"))
  }

  /// A named pipe that nobody writes to.
  @Test func oneInterruptEndsTheReadingOfASilentPipe() async throws {
    let script = """
      cd "$1"; mkfifo PIPE
      "$0" projection show PIPE > out 2> err & pid=$!
      sleep 2; kill -INT $pid; wait $pid; code=$?
      cat err >&2; exit $code
      """
    let finished = try await withTemporaryFolder { folder in
      try await Program.run("/bin/bash", ["-c", script, Program.adbvec, folder])
    }
    #expect(finished.exitCode == 130, "\(finished.error)")
    #expect(finished.error == "error: interrupted\n")
  }
}
