// The text of a news item: its plain field becomes an editor (Tiptap, as django-prose-editor brings it) that writes back
// into the field. Without this file one types plain text, and the server makes paragraphs of it.

// --- What is pasted: of all that Word, Outlook, Teams and web pages bring, headings, lists and links stay --------------

const HEADINGS = { H1: "h2", H2: "h2", H3: "h3", H4: "h3", H5: "h3", H6: "h3" };
const SKIPPED = new Set(["STYLE", "SCRIPT", "HEAD", "TITLE", "NOSCRIPT", "TEMPLATE", "SVG", "OBJECT", "IFRAME", "SELECT", "TEXTAREA", "BUTTON", "XML"]);
const BLOCKS = new Set([
  "P", "DIV", "SECTION", "ARTICLE", "HEADER", "FOOTER", "MAIN", "ASIDE", "NAV", "ADDRESS", "BLOCKQUOTE", "PRE", "FIGURE",
  "TABLE", "TR", "DL", "DT", "DD", "HR", "FORM", "FIELDSET", "CENTER", "UL", "OL", "LI", ...Object.keys(HEADINGS),
]);
const NUMBERED = /^\(?[0-9a-z]{1,4}[.)]$/i;
// A list that Word has flattened: its sign is text at the beginning of a paragraph.
const BULLET_AHEAD = /^(?:[·•▪■§–-]|o(?=\u00a0)|[\uf000-\uf0ff])[\s\u00a0]+/;
const NUMBER_AHEAD = /^\(?(?:\d{1,3}|[a-z])[.)][\s\u00a0]+/i;

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
const styleOf = (node) => node.dataset.style || "";
const wordsIn = (html) => html.replace(/<[^>]*>/g, "").replace(/[\s\u00a0]+/g, "");

// The address of a link, out of the wrapping that Outlook and Teams put around it; "" for what is no address to go to.
const addressOf = (node) => {
  const given = (node.getAttribute("href") || "").trim();
  if (/^(?:mailto|tel):/i.test(given)) return given;
  if (!/^https?:/i.test(given) || !URL.canParse(given)) return "";
  const url = new URL(given);
  const wrapped = /(^|\.)safelinks\.protection\.outlook\.com$/.test(url.hostname) || url.pathname.endsWith("/atp-safelinks.html");
  const inside = wrapped ? url.searchParams.get("url") || "" : "";
  return /^https?:/i.test(inside) ? inside : given;
};

// What kind of block an element begins: {tag, level, ordered}, or null for the one that it stands in.
const kindOf = (node, outer) => {
  const style = styleOf(node), word = /mso-list:\s*l\d+\s+level(\d)/i.exec(style);
  if (word) {
    const sign = [...node.querySelectorAll("[data-style]")].find((each) => /mso-list:\s*ignore/i.test(styleOf(each)));
    return { tag: "li", level: Number(word[1]), ordered: NUMBERED.test(sign ? sign.textContent.trim() : "") };
  }
  if (node.tagName === "LI") {
    const list = node.closest("ul, ol");
    let level = Number(node.dataset.ariaLevel) || 0;
    for (let at = list; !node.dataset.ariaLevel && at; at = at.parentElement.closest("ul, ol")) level += 1;
    return { tag: "li", level: Math.max(level, 1), ordered: Boolean(list) && list.tagName === "OL" };
  }
  const outline = /mso-outline-level:\s*([1-6])/i.exec(style);
  const said = node.getAttribute("role") === "heading" ? node.getAttribute("aria-level") || "2" : outline && outline[1];
  const heading = HEADINGS[node.tagName] || (said && HEADINGS[`H${said}`]) || (/\bMsoTitle\b/.test(node.className) && "h2");
  if (heading && outer.tag !== "li") return { tag: heading };
  return outer.tag === "li" && node.closest("li") ? null : { tag: "p", flattened: /\bMsoListParagraph/.test(node.className) };
};

class Gathering {
  blocks = [];
  block = { tag: "p", html: "" };

  begin(kind) {
    this.end();
    this.block = { ...kind, html: "" };
  }

  end() {
    const block = this.block;
    block.html = block.html.replace(/^(?:\s|<br>)+|(?:\s|<br>)+$/g, "");
    if (block.flattened) {
      const ahead = BULLET_AHEAD.exec(block.html) || NUMBER_AHEAD.exec(block.html);
      if (ahead) Object.assign(block, { tag: "li", level: 1, ordered: !BULLET_AHEAD.test(block.html), html: block.html.slice(ahead[0].length) });
    }
    if (wordsIn(block.html)) this.blocks.push(block);
    this.block = { ...block, html: "" };
  }

  text(words, address) {
    const plain = words.replace(/[ \t\r\n\f]+/g, " ").replace(/[ \u00a0]{2,}/g, this.block.flattened ? "\u00a0 " : " ");
    if (plain) this.block.html += address && plain.trim() ? `<a href="${escaped(address)}">${escaped(plain)}</a>` : escaped(plain);
  }

  br() {
    if (/<br>\s*$/.test(this.block.html) && this.block.tag === "p") this.begin({ tag: "p" });
    else this.block.html = `${this.block.html.trimEnd()}<br>`;
  }

  walk(parent, address = "") {
    for (const node of parent.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) this.text(node.data, address);
      else if (node.nodeType === Node.ELEMENT_NODE) this.element(node, address);
    }
  }

  element(node, address) {
    if (SKIPPED.has(node.tagName) || /mso-list:\s*ignore/i.test(styleOf(node))) return;
    if (node.tagName === "BR") return this.br();
    // Teams writes its smileys as pictures; other pictures go.
    if (node.tagName === "IMG") return /emoji/i.test(node.getAttribute("itemtype") || "") ? this.text(node.alt, "") : undefined;
    if (!BLOCKS.has(node.tagName) && node.getAttribute("role") !== "heading") {
      this.walk(node, node.tagName === "A" ? addressOf(node) : address);
      if (/^T[DH]$/.test(node.tagName)) this.text(" ", "");
      return;
    }
    const outer = this.block, kind = kindOf(node, outer);
    if (kind) this.begin(kind);
    else if (["UL", "OL"].includes(node.tagName)) this.end();
    else if (this.block.html.trim()) this.br();
    this.walk(node, address);
    if (kind) this.begin({ tag: outer.tag, level: outer.level, ordered: outer.ordered });
  }
}

// Blocks in a row as HTML: entries of lists in lists, as deep as they say.
const built = (blocks) => {
  let html = "";
  const open = [];
  const close = () => { html += `</li></${open.pop()}>`; };
  for (const block of blocks) {
    const depth = block.tag === "li" ? block.level : 0, list = block.ordered ? "ol" : "ul";
    while (open.length > depth) close();
    if (depth && open.length === depth && open.at(-1) !== list) close();
    else if (depth && open.length === depth) html += "</li>";
    while (open.length < depth) {
      html += `<${list}>`;
      open.push(list);
      if (open.length < depth) html += "<li>";
    }
    html += depth ? `<li>${block.html}` : `<${block.tag}>${block.html}</${block.tag}>`;
  }
  while (open.length) close();
  return html;
};

// The browser would complain of every style that it reads, even where none is applied; we only read what they say.
const withoutStyles = (html) => html.replace(/<style\b[^]*?<\/style>/gi, "").replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\sstyle\s*=/gi, " data-style="));

// A copy made in the editor itself comes back as it was.
export const pasted = (html) => {
  if (html.includes("data-pm-slice")) return html;
  const gathering = new Gathering();
  gathering.walk(new DOMParser().parseFromString(withoutStyles(html), "text/html").body);
  gathering.end();
  return built(gathering.blocks);
};

// --- The editor -------------------------------------------------------------------------------------------------------

const MARKUP = /^\s*<(?:p|h2|h3|ul|ol|blockquote)\b/i;
const asHtml = (typed) => (MARKUP.test(typed) ? typed : typed.split(/\n\s*\n/).map((part) => `<p>${escaped(part.trim()).replace(/\n/g, "<br>")}</p>`).join(""));

const TOOLS = {
  heading2: [(chain) => chain.toggleHeading({ level: 2 }), (editor) => editor.isActive("heading", { level: 2 })],
  heading3: [(chain) => chain.toggleHeading({ level: 3 }), (editor) => editor.isActive("heading", { level: 3 })],
  bold: [(chain) => chain.toggleBold(), (editor) => editor.isActive("bold")],
  italic: [(chain) => chain.toggleItalic(), (editor) => editor.isActive("italic")],
  bulletList: [(chain) => chain.toggleBulletList(), (editor) => editor.isActive("bulletList")],
  orderedList: [(chain) => chain.toggleOrderedList(), (editor) => editor.isActive("orderedList")],
  blockquote: [(chain) => chain.toggleBlockquote(), (editor) => editor.isActive("blockquote")],
  undo: [(chain) => chain.undo(), null],
};

const extensions = (tiptap, askForLink) => [
  tiptap.Document, tiptap.Paragraph, tiptap.Text, tiptap.Bold, tiptap.Italic, tiptap.BulletList, tiptap.Blockquote,
  tiptap.HardBreak, tiptap.History,
  tiptap.Heading.configure({ levels: [2, 3] }),
  tiptap.OrderedList.configure({ enableListAttributes: false }),
  // Tab leaves the field, as everywhere; entries move in and out by Ctrl+] and Ctrl+[.
  tiptap.ListItem.extend({
    addKeyboardShortcuts() {
      return {
        Enter: () => this.editor.commands.splitListItem(this.name),
        "Mod-]": () => this.editor.commands.sinkListItem(this.name),
        "Mod-[": () => this.editor.commands.liftListItem(this.name),
      };
    },
  }),
  // Its rule for what is pasted would send a link whose words look like an address there, and not where it leads.
  tiptap.Link.extend({
    addPasteRules: () => [],
    addKeyboardShortcuts: () => ({ "Mod-k": () => { askForLink(); return true; } }),
  }).configure({ openOnClick: false, autolink: true, linkOnPaste: true, enableTarget: false, defaultProtocol: "https" }),
];

const linkRow = (field, editor) => {
  const row = field.querySelector(".link-row"), button = field.querySelector('[data-tool="link"]');
  const address = row.querySelector("input"), error = row.querySelector('[data-link="error"]');
  const show = (open) => {
    row.hidden = !open;
    error.hidden = true;
    button.setAttribute("aria-expanded", open);
    if (!open) return editor().commands.focus();
    address.value = editor().getAttributes("link").href || "";
    address.focus();
  };
  const set = () => {
    const given = address.value.trim(), whole = /^(?:https?:\/\/|mailto:|tel:)/i.test(given) ? given : ["https:", "", given].join("/");
    error.hidden = URL.canParse(whole) && /^(?:mailto:|tel:|https?:\/\/[^/]+\.)/i.test(whole);
    if (!error.hidden) return;
    const chain = editor().chain().focus().extendMarkRange("link");
    const { empty } = editor().state.selection;
    if (empty && !editor().isActive("link")) chain.insertContent({ type: "text", text: whole, marks: [{ type: "link", attrs: { href: whole } }] }).run();
    else chain.setLink({ href: whole }).run();
    show(false);
  };
  button.addEventListener("click", () => show(row.hidden));
  row.querySelector('[data-link="set"]').addEventListener("click", set);
  row.querySelector('[data-link="unset"]').addEventListener("click", () => {
    editor().chain().focus().extendMarkRange("link").unsetLink().run();
    show(false);
  });
  row.addEventListener("keydown", (event) => {
    if (event.key === "Escape") show(false);
    if (event.key !== "Enter" || event.target !== address) return;
    event.preventDefault();
    set();
  });
  return () => show(true);
};

const attributesOf = (source, label) => {
  const told = source.getAttribute("aria-describedby");
  return {
    id: source.id, role: "textbox", "aria-multiline": "true", "aria-labelledby": label.id,
    ...(told ? { "aria-describedby": told } : {}),
    ...(source.getAttribute("aria-invalid") ? { "aria-invalid": "true" } : {}),
  };
};

const start = async (field) => {
  const source = field.querySelector("textarea"), label = field.querySelector("label"), tools = field.querySelector(".tools");
  const tiptap = await import(field.dataset.editor);
  let editor;
  const askForLink = linkRow(field, () => editor);
  editor = new tiptap.Editor({
    element: field,
    injectCSS: false,
    content: asHtml(source.value),
    extensions: extensions(tiptap, () => askForLink()),
    editorProps: { attributes: attributesOf(source, label), transformPastedHTML: pasted },
    onUpdate: () => {
      source.value = editor.isEmpty ? "" : editor.getHTML();
      source.dispatchEvent(new Event("input", { bubbles: true }));
    },
    onTransaction: () => tools.querySelectorAll("[data-tool]").forEach((button) => {
      const [, active] = TOOLS[button.dataset.tool] || [];
      if (active) button.setAttribute("aria-pressed", Boolean(editor && active(editor)));
    }),
  });
  source.removeAttribute("id");
  source.hidden = true;
  tools.hidden = false;
  label.addEventListener("click", () => editor.commands.focus());
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tool]"), [act] = (button && TOOLS[button.dataset.tool]) || [];
    if (act) act(editor.chain().focus()).run();
  });
  field.dispatchEvent(new CustomEvent("editor-ready", { bubbles: true }));
};

document.querySelectorAll("[data-editor]").forEach(start);
