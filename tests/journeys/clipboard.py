"""What Word, Outlook, Teams and Word on the web put on the clipboard when one copies, shortened."""

from __future__ import annotations

# Word 365 for Windows: lists are paragraphs, their signs text; conditional comments, XML, namespaced tags, styles.
WORD = """<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns:w="urn:schemas-microsoft-com:office:word" xmlns="http://www.w3.org/TR/REC-html40">
<head><meta http-equiv=Content-Type content="text/html; charset=utf-8"><meta name=Generator content="Microsoft Word 15">
<link rel=File-List href="file:///C:/Users/anna/AppData/Local/Temp/msohtmlclip1/01/clip_filelist.xml">
<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->
<style><!-- @font-face {font-family:Wingdings;} p.MsoNormal {margin:0cm; font-size:11.0pt;} --></style></head>
<body lang=DA style='tab-interval:65.2pt;word-wrap:break-word'>
<!--StartFragment-->
<h1 style='margin-top:12.0pt'><span lang=EN-GB style='mso-fareast-font-family:"Times New Roman"'>Program for
kulturnatten<o:p></o:p></span></h1>
<p class=MsoNormal><b style='mso-bidi-font-weight:normal'><span style='color:red'>Kom</span></b> og hør på
<a href="https://www.example.org/koncert?a=1&amp;b=2"><span style='color:#0563C1'>koncerten</span></a>.<o:p></o:p></p>
<p class=MsoNormal><o:p>&nbsp;</o:p></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol;mso-fareast-font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt
"Times New Roman"'>&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp; </span></span></span><![endif]>Orkestret<o:p></o:p></p>
<p class=MsoListParagraphCxSpMiddle style='margin-left:72.0pt;text-indent:-18.0pt;mso-list:l0 level2 lfo1'><![if
!supportLists]><span style='font-family:"Courier New"'><span style='mso-list:Ignore'>o<span style='font:7.0pt "Times
New Roman"'>&nbsp;&nbsp; </span></span></span><![endif]>strygere<o:p></o:p></p>
<p class=MsoListParagraphCxSpLast style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;
</span></span></span><![endif]>Koret<o:p></o:p></p>
<h2>Sådan gør du<o:p></o:p></h2>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l1 level1 lfo2'><![if !supportLists]><span
style='mso-bidi-font-family:Calibri'><span style='mso-list:Ignore'>1.<span style='font:7.0pt "Times New Roman"'>&nbsp;
</span></span></span><![endif]>Køb billet<o:p></o:p></p>
<p class=MsoListParagraphCxSpLast style='text-indent:-18.0pt;mso-list:l1 level1 lfo2'><![if !supportLists]><span
style='mso-bidi-font-family:Calibri'><span style='mso-list:Ignore'>2.<span style='font:7.0pt "Times New Roman"'>&nbsp;
</span></span></span><![endif]>Mød op<o:p></o:p></p>
<p class=MsoNormal><!--[if gte vml 1]><v:shape id="Billede_x0020_1" style='width:100pt'><v:imagedata
src="file:///C:/Users/anna/clip_image001.png"/></v:shape><![endif]--><![if !vml]><img width=133 height=88
src="file:///C:/Users/anna/clip_image002.png"><![endif]><o:p></o:p></p>
<!--EndFragment--></body></html>"""
WORD_BECOMES = (
    '<h2>Program for kulturnatten</h2><p>Kom og hør på <a href="https://www.example.org/koncert?a=1&amp;b=2" rel="R">'
    "koncerten</a>.</p><ul><li><p>Orkestret</p><ul><li><p>strygere</p></li></ul></li><li><p>Koret</p></li></ul>"
    "<h2>Sådan gør du</h2><ol><li><p>Køb billet</p></li><li><p>Mød op</p></li></ol>"
)

# Outlook for Windows: Word's engine, links wrapped by SafeLinks, a signature with a picture inside the text.
OUTLOOK = """<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40"><head>
<meta name=Generator content="Microsoft Word 15 (filtered medium)"><style><!-- .x{color:#fff} --></style></head>
<body lang=DA link="#0563C1"><!--StartFragment--><div class=WordSection1>
<p class=MsoNormal>Hej alle<o:p></o:p></p><p class=MsoNormal style='mso-outline-level:2'>Praktisk<o:p></o:p></p>
<p class=MsoNormal>Se <a href="https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.org%2Fb%3Fx%3D1&amp;data=05%7C02&amp;reserved=0"
originalsrc="https://www.example.org/b?x=1"><u>siden</u></a> eller
<a href="mailto:kontor@example.org">skriv</a>.<br>Hilsen<br><br>Åse</p>
<ul style='margin-top:0cm' type=disc><li class=MsoListParagraph style='margin-left:0cm;mso-list:l0 level1 lfo1'>Et
punkt<o:p></o:p></li></ul>
<p class=MsoListParagraph style='text-indent:-18.0pt'>·<span style='font-size:7pt'>&nbsp;&nbsp; </span>Løst punkt</p>
<table class=MsoTableGrid border=1><tr><td><p class=MsoNormal>Kl. 19</p></td><td><p class=MsoNormal>Kaffe</p></td></tr>
</table><p class=MsoNormal><img src="data:image/png;base64,iVBORw0KGgo=" alt="logo"></p>
<p class=MsoNormal><a href="javascript:alert(1)">ikke et link</a></p></div><!--EndFragment--></body></html>"""
OUTLOOK_BECOMES = (
    '<p>Hej alle</p><h2>Praktisk</h2><p>Se <a href="https://www.example.org/b?x=1" rel="R">siden</a> eller '
    '<a href="mailto:kontor@example.org" rel="R">skriv</a>.<br>Hilsen</p><p>Åse</p><ul><li><p>Et punkt</p></li>'
    "<li><p>Løst punkt</p></li></ul><p>Kl. 19</p><p>Kaffe</p><p>ikke et link</p>"
)

# Teams: divs and spans, smileys as pictures, people as tags, a picture as base64.
TEAMS = """<html><body><!--StartFragment--><div><div style="font-size:14px"><div>Ny aftale <img
itemtype="http://schema.skype.com/Emoji" alt="🎻" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></div></div>
<div><span style="font-weight:bold">Fed tekst</span> til <span itemscope itemtype="http://schema.skype.com/Mention"
itemid="0">Bo</span>:&nbsp;</div><ul dir="auto"><li>første<ul><li><div>under</div></li></ul></li><li><p>anden</p>
<p>fortsat</p></li></ul><h3>Overskrift</h3><p><a href="https://www.example.org/" title="x" target="_blank"
rel="noreferrer">www.example.org</a></p><p>&nbsp;</p><figure><img src="data:image/png;base64,iVBORw0KGgo="
alt="Skærmbillede" width="250"></figure></div><script>alert(1)</script><!--EndFragment--></body></html>"""
TEAMS_BECOMES = (
    "<p>Ny aftale 🎻</p><p>Fed tekst til Bo:</p><ul><li><p>første</p><ul><li><p>under</p></li></ul></li>"
    '<li><p>anden<br>fortsat</p></li></ul><h3>Overskrift</h3><p><a href="https://www.example.org/" rel="R">'
    "www.example.org</a></p>"
)

# Word on the web: each entry in a list of its own, headings and levels in ARIA.
WORD_ONLINE = """<html><body><!--StartFragment--><div class="OutlineElement Ltr SCXW1"><p class="Paragraph SCXW1"
role="heading" aria-level="1"><span class="TextRun"><span class="NormalTextRun">Titel</span></span><span
class="EOP">&nbsp;</span></p></div><div class="ListContainerWrapper SCXW1"><ul class="BulletListStyle1" role="list"><li
data-aria-level="1" role="listitem"><p class="Paragraph"><span class="TextRun">Et</span></p></li></ul></div><div
class="ListContainerWrapper SCXW1"><ul class="BulletListStyle2" role="list"><li data-aria-level="2" role="listitem"><p
class="Paragraph"><span class="TextRun">Under</span></p></li></ul></div><div class="OutlineElement"><p
class="Paragraph"><a class="Hyperlink" href="https://www.example.org/w"><span class="TextRun">læs</span></a></p></div>
<!--EndFragment--></body></html>"""
WORD_ONLINE_BECOMES = (
    "<h2>Titel</h2><ul><li><p>Et</p><ul><li><p>Under</p></li></ul></li></ul>"
    '<p><a href="https://www.example.org/w" rel="R">læs</a></p>'
)

COPIED = {
    "word": (WORD, WORD_BECOMES),
    "outlook": (OUTLOOK, OUTLOOK_BECOMES),
    "teams": (TEAMS, TEAMS_BECOMES),
    "word on the web": (WORD_ONLINE, WORD_ONLINE_BECOMES),
}
