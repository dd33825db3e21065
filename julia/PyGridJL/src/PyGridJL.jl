module PyGridJL
end
