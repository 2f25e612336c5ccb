/// The style sheet of ``ResultsPage``.
enum PageStyle {
  static let css = """
    :root {
      color-scheme: light dark;
      --background: #f4f5f7; --card: #fff; --line: #dde0e6; --text: #1b1f27; --quiet: #5e6675;
      --accent: #2f5fde; --on-accent: #fff; --hole: #eceef2;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --background: #14161b; --card: #1e2129; --line: #333846; --text: #eceef3; --quiet: #9ba3b4;
        --accent: #7fa2ff; --on-accent: #10131a; --hole: #282c36;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0; padding: clamp(1rem, 4vw, 3rem); background: var(--background); color: var(--text);
      font: 1rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
    }
    header, main { max-width: 76rem; margin-inline: auto; }
    h1 { margin: 0; font-size: clamp(1.4rem, 3.5vw, 2.1rem); line-height: 1.2; overflow-wrap: anywhere; }
    header p { margin: .35rem 0 0; color: var(--quiet); }
    main { display: grid; gap: 1.25rem; margin-top: 1.75rem; }
    @media (min-width: 48rem) {
      main:has(.query) { grid-template-columns: minmax(12rem, 17rem) 1fr; align-items: start; gap: 1.5rem; }
      .query { position: sticky; top: 1.5rem; }
      .sql { grid-column: 1 / -1; }
    }
    .query { display: grid; gap: 1rem; max-width: 17rem; }
    .results {
      display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem;
      margin: 0; padding: 0; list-style: none; counter-reset: rank;
    }
    .results li { counter-increment: rank; }
    figure {
      position: relative; height: 100%; margin: 0; padding: .7rem; overflow: hidden;
      background: var(--card); border: 1px solid var(--line); border-radius: .8rem;
    }
    .query figure { border: 3px solid var(--accent); }
    .query figure::before, .results figure::before {
      position: absolute; top: 1.1rem; left: 1.1rem; padding: .1rem .6rem; border-radius: 1rem;
      font-size: .75rem; font-weight: 700;
    }
    .query figure::before { content: "query"; background: var(--accent); color: var(--on-accent); }
    .results figure::before {
      content: counter(rank); background: var(--card); border: 1px solid var(--line);
      color: var(--text);
      font-variant-numeric: tabular-nums;
    }
    img, .missing { display: block; width: 100%; height: auto; aspect-ratio: 1; border-radius: .4rem; }
    img { object-fit: contain; }
    img.tiny { image-rendering: pixelated; }
    .missing { display: grid; place-items: center; background: var(--hole); color: var(--quiet); }
    figcaption { padding-top: .6rem; text-align: center; overflow-wrap: anywhere; }
    figcaption strong { display: block; }
    figcaption span { color: var(--quiet); font-size: .875rem; font-variant-numeric: tabular-nums; }
    .sql h2 { margin: .75rem 0 .6rem; font-size: 1.1rem; }
    dl { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 0 0 .9rem; }
    dl div { display: flex; gap: .5rem; }
    dt { color: var(--quiet); }
    dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
    pre {
      margin: 0; padding: 1rem 1.15rem; overflow: auto; max-height: 28rem; background: var(--card);
      border: 1px solid var(--line); border-radius: .8rem;
      font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace;
    }
    pre:focus-visible { outline: 2px solid var(--accent); }
    @media print {
      :root {
        --background: #fff; --card: #fff; --line: #bbb; --text: #000; --quiet: #444;
        --accent: #2f5fde; --on-accent: #fff; --hole: #eee;
      }
      body { padding: 0; font-size: 10pt; }
      main:has(.query) { display: block; }
      .query { position: static; width: 34%; margin-bottom: 5mm; }
      .results { grid-template-columns: repeat(5, 1fr); gap: 3mm; }
      figure, li { break-inside: avoid; }
      pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
      * { print-color-adjust: exact; }
    }
    """
}
