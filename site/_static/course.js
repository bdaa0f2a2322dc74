/* A picture opens in its own size, in a tab of its own, where a browser can enlarge it. */
document.addEventListener("DOMContentLoaded", () => {
  for (const image of document.querySelectorAll(".bd-article img:not(a img)")) {
    const link = document.createElement("a"), whole = image.closest("picture") ?? image;
    Object.assign(link, { className: "whole", target: "_blank", title: "open in its own size", href: address(image.src) });
    whole.replaceWith(link);
    link.append(whole);
  }
});

/* Browsers open no data: address by itself. */
function address(source) {
  const [, kind, data] = source.match(/^data:(.*?);base64,(.*)$/s) ?? [];
  return data ? URL.createObjectURL(new Blob([Uint8Array.from(atob(data), c => c.charCodeAt(0))], { type: kind })) : source;
}
