namespace MtlStream.Host.Pictures;

/// <summary>The look of <see cref="HtmlPage"/>, in light and dark, from 360 pixels on.</summary>
internal static class HtmlStyle
{
    public const string Sheet = """
        :root { --paper: #fbfaf8; --card: #fff; --ink: #1d1f21; --soft: #63686e; --line: #e3e0da; --bar: #3a72b0; --track: #ece9e3;
          --e0: #ffe08a; --e1: #a9e3ec; --e2: #bdeab0; --e3: #f6c3e6; --e4: #d7cdfb; --e5: #ffcdb0;
          --w0: #2673c4; --w1: #2d8a3e; --w2: #b07800; --w3: #9a4fb5; --w4: #c6423b; }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #17191c; --card: #1f2226; --ink: #e5e5e2; --soft: #9aa1a8; --line: #33373c; --bar: #6ea8e0; --track: #2d3136;
            --e0: #6b5514; --e1: #1d5c68; --e2: #2f5f26; --e3: #6e2f5d; --e4: #4a3f86; --e5: #7a4122;
            --w0: #6db1f5; --w1: #6cc77c; --w2: #e0b04a; --w3: #cf93e6; --w4: #f08a80; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 52rem; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
          font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
        h1 { margin: 0; font-size: 1.4rem; line-height: 1.25; }
        .about, footer { margin: .25rem 0; color: var(--soft); }
        .legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .75rem 0 1rem; font-size: .875rem; }
        label { cursor: pointer; }
        input { margin: 0 .25rem 0 0; vertical-align: -1px; accent-color: var(--bar); }
        article { margin: 0 0 1rem; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
          content-visibility: auto; contain-intrinsic-size: auto 14rem; }
        .text { margin: 0; font-size: 1.0625rem; line-height: 1.9; white-space: pre-wrap; }
        i { font-style: normal; border-bottom: 2px solid transparent; }
        mark { color: inherit; padding: .15em .25em; border-radius: .25em; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
        mark b { margin-inline-start: .35em; font-size: .6875rem; font-weight: 700; letter-spacing: .03em; opacity: .75; unicode-bidi: isolate; }
        .e0 { background: var(--e0); } .e1 { background: var(--e1); } .e2 { background: var(--e2); }
        .e3 { background: var(--e3); } .e4 { background: var(--e4); } .e5 { background: var(--e5); }
        .w0 { border-color: var(--w0); } .w1 { border-color: var(--w1); } .w2 { border-color: var(--w2); }
        .w3 { border-color: var(--w3); } .w4 { border-color: var(--w4); }
        body:has(#names:checked) [data-tag]::after { content: attr(data-tag); margin-inline-start: .2em; font-size: .625rem; color: var(--soft);
          unicode-bidi: isolate; }
        table { width: 100%; margin-top: .75rem; border-collapse: collapse; font-size: .875rem; }
        th, td { padding: .1rem .75rem .1rem 0; text-align: start; vertical-align: baseline; font-weight: 400; }
        th { width: 6.5rem; color: var(--soft); white-space: nowrap; }
        td { font-weight: 600; overflow-wrap: break-word; }
        .other td { color: var(--soft); font-weight: 400; }
        .bar { width: 40%; vertical-align: middle; }
        .bar span { display: block; height: .5rem; min-width: 2px; background: var(--bar); border-radius: .25rem; }
        .bar { background: linear-gradient(var(--track), var(--track)) left center / calc(100% - .75rem) .5rem no-repeat; }
        .other .bar span { opacity: .5; }
        .score { width: 2.5rem; padding-right: 0; text-align: end; font-variant-numeric: tabular-nums; font-weight: 400; }
        @media (max-width: 30rem) { body { padding: 1rem .5rem 2rem; } article { padding: .75rem; } th { width: 1%; } .bar { width: 22%; } }
        @media print { article { content-visibility: visible; break-inside: avoid; } mark, .bar span { print-color-adjust: exact; } }
        """;
}
