"""What Streamlit lacks: v2 components, a folder each with its script, its look and a thin Python face.

A face puts records into plain JSON, hands the words over in the reader's language, and turns what comes back from the
browser into checked actions. Every script starts with `dom.js`, every look with `base.css`.
"""
